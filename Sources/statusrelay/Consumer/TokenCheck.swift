import GreenAPI

/// What a request's `Authorization` header says to the token that the consumer expects.
enum TokenCheck: String, Sendable, Hashable, CaseIterable {
  case ok
  case wrong
  /// Expected, and not there.
  case missing
  /// Not expected, and not there.
  case none
  /// Not expected, and there.
  case unchecked

  /// GREEN-API sends `Bearer TOKEN`, or the token as it stands when it begins with a scheme of its own:
  /// https://green-api.com/en/docs/api/receiving/technology-webhook-endpoint/
  init(_ request: ReceivedRequest, expected token: Secret?) {
    let given = request.header("Authorization")
    switch (token?.reveal(), given) {
    case (nil, nil): self = .none
    case (nil, .some): self = .unchecked
    case (.some, nil): self = .missing
    case (let token?, let given?):
      let hasScheme = token.hasPrefix("Basic ") || token.hasPrefix("Bearer ")
      self = given == (hasScheme ? token : "Bearer \(token)") ? .ok : .wrong
    }
  }

  var isAcceptable: Bool { self != .wrong && self != .missing }
}
