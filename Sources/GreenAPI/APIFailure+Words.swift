extension APIFailure: CustomStringConvertible {
  public var description: String {
    "HTTP \(httpStatus): \(meaning)" + (detail.isEmpty ? "" : " (\(detail))")
  }

  private var meaning: String {
    switch kind {
    case .starting: "the instance is starting, which takes up to 5 minutes"
    case .startingOrNotAuthorized: "the instance is starting, or not authorized"
    case .notAuthorized: "the instance is not authorized"
    case .blocked: "the messenger has blocked the account"
    case .yellowCard: "the messenger has suspended the account for a while"
    case .sleepMode: "the instance sleeps, as the phone is off or has no connection"
    case .pendingPassword: "the instance waits for the account's password"
    case .pendingCode: "the instance waits for the authorization code"
    case .expired: "the instance's tariff has run out"
    case .deleted: "the instance is deleted"
    case .badRequest: "GREEN-API refused the request"
    case .wrongToken: "GREEN-API does not accept apiTokenInstance"
    case .noAccess: "wrong idInstance, or no access to the beta status methods"
    case .suspended: "the owner's account at GREEN-API is suspended"
    case .addressRefused: "this machine's address is refused"
    case .notFound: "GREEN-API does not find the method, as happens for a while now and then; it passes by itself"
    case .rateLimited: "over the rate limit of 1 request a second"
    case .quotaExceeded: "a quota of the tariff is used up"
    case .serverTrouble: "GREEN-API has trouble"
    case .unexpectedAnswer: "an unexpected answer"
    }
  }

  /// What a person should do, in a sentence or two; `nil` where waiting is enough.
  public var advice: String? {
    switch kind {
    case .starting, .startingOrNotAuthorized, .serverTrouble, .unexpectedAnswer: nil
    case .notFound: "If it lasts, check apiUrl and typeInstance of the account."
    case .rateLimited:
      "Something else polls this instance too: stop it (GREEN-API's own web chat does, while its tab is open), or raise poll.interval."
    case .notAuthorized: "Link the phone to the instance again in GREEN-API's console."
    case .blocked:
      "See in the messenger's app whether the account can be unblocked; if not, link another one to the instance in GREEN-API's console."
    case .yellowCard:
      "Send less until the messenger lifts it, which it does by itself; then reboot the instance in GREEN-API's console."
    case .sleepMode: "Switch the phone on and connect it to the internet; within 5 minutes the instance is back."
    case .pendingPassword: "Enter the account's two-step password in GREEN-API's console."
    case .pendingCode: "Enter the authorization code in GREEN-API's console."
    case .expired:
      "Renew the instance in GREEN-API's console. In the first hour of a new instance this may be wrong, and passes by itself."
    case .deleted: "Take the account out of the configuration."
    case .badRequest: "Check idInstance, apiUrl and typeInstance of the account."
    case .wrongToken:
      "Put the instance's current apiTokenInstance into the configuration; if the instance is deleted, take the account out of it."
    case .noAccess:
      "Check idInstance; if it is right, ask GREEN-API's support for access to the beta status methods."
    case .suspended: "Ask GREEN-API's support why the account is suspended, and what lifts that."
    case .addressRefused:
      "Ask GREEN-API's support to let this machine's address through, or send the requests by way of another one (https_proxy)."
    case .quotaExceeded: "Change the tariff in GREEN-API's console, or wait for the next month."
    }
  }
}
