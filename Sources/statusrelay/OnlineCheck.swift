import Curl
import GreenAPI
import Relay
import RelayCore

/// Tries out what a configuration names: every account at GREEN-API, every destination. Nothing is changed or posted anywhere.
struct OnlineCheck: Sendable {
  let client: CurlClient

  /// What came of one account or destination.
  struct Finding: Sendable {
    var isGood: Bool
    /// What was found, and below it what to do.
    var lines: [String]

    var text: String {
      lines.enumerated()
        .map { index, line in (index > 0 ? "      " : isGood ? "ok    " : "FAIL  ") + line.printable + "\n" }.joined()
    }
  }

  /// All at once; the findings in the configuration's order.
  func findings(_ configuration: RelayConfiguration) async -> [Finding] {
    let destinations = configuration.servedDestinations
    async let accountChecks = all(configuration.accounts) { await check($0) }
    async let fixed = all(destinations.filter { $0.url != nil }) { await finding($0, at: $0.url) }
    // Those that go to an account's own address wait for what the account says.
    let accounts = await accountChecks
    let settings = Dictionary(
      uniqueKeysWithValues: zip(configuration.accounts.map(\.idInstance), accounts.map(\.settings)))
    let own = await all(destinations.filter { $0.url == nil }) { destination in
      await finding(ofAccount: destination, settings: destination.accounts?.first.flatMap { settings[$0] } ?? nil)
    }
    return accounts.flatMap(\.findings) + inOrder(destinations, fixed: await fixed, own: own)
  }

  private func inOrder(
    _ destinations: [RelayConfiguration.Destination], fixed: [Finding], own: [Finding]
  ) -> [Finding] {
    var (fixed, own) = (fixed[...], own[...])
    return destinations.compactMap { $0.url == nil ? own.popFirst() : fixed.popFirst() }
  }

  /// Each at the same time; the results in the order of the items.
  private func all<Item: Sendable, Result: Sendable>(
    _ items: [Item], _ check: @escaping @Sendable (Item) async -> Result
  ) async -> [Result] {
    await withTaskGroup(of: (Int, Result).self) { group in
      for (index, item) in items.enumerated() { group.addTask { (index, await check(item)) } }
      var results: [(Int, Result)] = []
      for await result in group { results.append(result) }
      return results.sorted { $0.0 < $1.0 }.map(\.1)
    }
  }

  // MARK: Accounts

  /// `settings` is `nil` when they were not answered.
  private func check(
    _ account: RelayConfiguration.Account
  ) async -> (findings: [Finding], settings: AccountSettings?) {
    let name = "account \(account.idInstance)"
    let api = GreenAPIClient(client)
    let settings: AccountSettings
    do {
      settings = try await api.settings(of: account.endpoint(), now: SystemTime().now().unix)
    } catch {
      let problem = await api.explained(error, of: account.endpoint(), now: SystemTime().now().unix)
      return ([Self.failure("\(name): getSettings", problem)], nil)
    }
    var findings = [Finding(isGood: true, lines: ["\(name): getSettings answered: \(settings)"])]
    findings += SettingsWarning.all(
      in: settings, configuredWid: account.wid, configuredTypeInstance: account.typeInstance
    ).map { Finding(isGood: false, lines: ["\(name): \($0)", $0.advice]) }
    guard let identity = AccountIdentity(of: account, settings: settings, remembered: nil) else {
      let unknown = PollFailure.identityUnknown("getSettings does not say wid")
      return (findings + [Self.failure(name, .init(failure: unknown))], settings)
    }
    return (findings + [await statuses(of: account, identity.typeInstance, name, api)], settings)
  }

  /// Settings are answered without access to the beta methods, so they have to be asked themselves.
  private func statuses(
    of account: RelayConfiguration.Account, _ type: TypeInstance, _ name: String, _ api: GreenAPIClient
  ) async -> Finding {
    let endpoint = account.endpoint(typeInstance: type)
    do throws(GreenAPIClient.Problem) {
      let answer = try await api.outgoingStatuses(of: endpoint, minutes: 1, now: SystemTime().now().unix)
      let count = try answer.records().count
      return Finding(
        isGood: true,
        lines: [
          "\(name): getOutgoingStatuses answered: \(count) \(count == 1 ? "record" : "records") of the last minute"
        ])
    } catch {
      if case .api(let failure) = error.failure, failure.kind == .rateLimited {
        // It would have been refused for a graver reason; a running relay polls at the same time.
        return Finding(isGood: true, lines: ["\(name): getOutgoingStatuses is being asked by someone else right now"])
      }
      let problem = await api.explained(error, of: endpoint, now: SystemTime().now().unix)
      return Self.failure("\(name): getOutgoingStatuses", problem)
    }
  }

  private static func failure(_ what: String, _ problem: GreenAPIClient.Problem) -> Finding {
    guard let failure = problem.failure else { return Finding(isGood: false, lines: ["\(what): called off"]) }
    return Finding(isGood: false, lines: ["\(what): \(failure)"] + (failure.advice.map { [$0] } ?? []))
  }

  // MARK: Destinations

  /// Of `url: fromAccount`.
  private func finding(
    ofAccount destination: RelayConfiguration.Destination, settings: AccountSettings?
  ) async -> Finding {
    do throws(MissingAddress) {
      guard let settings else { throw .notKnown }
      return await finding(destination, at: try WebhookAddress(settings).url)
    } catch {
      return Finding(isGood: false, lines: ["destination \(destination.name): \(error)", error.advice])
    }
  }

  /// Any answer to a GET shows that a consumer is there. Tokens and headers stay here: a GET needs none to be answered.
  private func finding(_ destination: RelayConfiguration.Destination, at url: String?) async -> Finding {
    let name = "destination \(destination.name)"
    let request = HTTPRequest(
      url: RequestURL(url ?? ""), headers: [("User-Agent", Version.userAgent)],
      timeouts: Timeouts(connect: min(destination.timeout, .seconds(10)), total: destination.timeout),
      responseLimit: .keep(first: 1024, discardUpTo: 64 << 10),
      tls: destination.tls, proxy: destination.proxy.forClient)
    do {
      let response = try await client.execute(request)
      let status = response.status
      var lines = [
        "\(name): answered HTTP \(status) to a GET" + ((200..<300).contains(status) ? "" : ", so it can be reached")
      ]
      if (300..<400).contains(status) {
        lines.append("A redirect is never followed: if a POST is redirected too, put the final address into url.")
      }
      // A POST may be answered otherwise than a GET at other statuses.
      if status == 404, let advice = response.advice { lines.append("HTTP 404: \(advice).") }
      return Finding(isGood: true, lines: lines)
    } catch {
      return Finding(
        isGood: false, lines: ["\(name): \(Redaction.redact(error.description))", Self.advice(error.kind)])
    }
  }

  private static func advice(_ kind: CurlError.Kind) -> String {
    switch kind {
    case .resolve: "Check the host in url, and this machine's name service."
    case .connect: "Check host and port in url, whether the consumer runs, and the firewalls on the way."
    case .connectTimeout:
      "Check whether the consumer runs, and whether its firewall lets this machine's address through, beside GREEN-API's."
    case .timeout, .stalled: "Check whether the consumer runs, and the firewalls on the way; or make timeout longer."
    case .certificate:
      "Check the consumer's certificate; for one of a private authority, set tls.caFile of the destination."
    case .tls: "Check the consumer's TLS, and tls of the destination (clientCertificateFile, clientKeyFile)."
    case .reset, .emptyAnswer, .malformedAnswer, .headersTooLarge:
      "Check that url is that of an HTTP server, http or https as it speaks."
    case .proxy: "Check the destination's proxy, or that of the environment (http_proxy, https_proxy, no_proxy)."
    default: "Check url and tls of the destination."
    }
  }
}
