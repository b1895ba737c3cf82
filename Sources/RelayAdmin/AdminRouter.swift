import Foundation
import GreenAPI
import HTTPTypes
import Hummingbird
import Relay
import RelayCore
import RelayStore

/// What the admin API answers; the page AdminAPI describes every request.
struct AdminRouter {
  let relay: Relay
  let time: any Timekeeper
  let access: AdminAccess
  /// Reads the configuration anew; without it there is no such request.
  var reload: (@Sendable () async -> Reload)?

  var router: Hummingbird.Router<BasicRequestContext> {
    let router = Hummingbird.Router()
    router.add(middleware: ErrorsInWords())
    router.get("healthz") { _, _ in "ok\n" }
    let guarded = router.group().add(middleware: access)
    guarded.get("readyz") { _, _ in
      let readiness = await relay.readiness()
      return try answer(readiness, status: readiness.ready ? .ok : .serviceUnavailable)
    }
    guarded.get("metrics") { _, _ in await metrics() }
    let api = guarded.group("v1")
    api.get("status") { _, _ in try answer(await relay.status()) }
    api.get("events") { request, _ in
      try await rows(relay.history.historyEvents(request.filter()))
    }
    api.get("events/count") { request, _ in
      try answer(await relay.history.eventCount(request.filter()))
    }
    api.get("deliveries") { request, _ in
      try await rows(relay.history.historyDeliveries(request.filter(), now: time.now()))
    }
    api.get("deliveries/count") { request, _ in
      try answer(await relay.history.deliveryCount(request.filter()))
    }
    api.get("deliveries/:id") { _, context in try await delivery(context) }
    api.post("retry") { request, _ in try await retry(request) }
    api.post("replay") { request, _ in try await replay(request) }
    api.post("destinations/:name/pause") { _, context in try await setPause(.byOperator, context) }
    api.post("destinations/:name/resume") { _, context in try await setPause(nil, context) }
    api.post("destinations/:name/test") { _, context in try await test(context) }
    if let reload {
      api.post("reload") { _, _ in try reloaded(await reload()) }
    }
    return router
  }

  // MARK: Looking

  private func delivery(_ context: BasicRequestContext) async throws -> Response {
    let text = try context.parameters.require("id")
    guard let id = Int64(text) else {
      throw HTTPError(.badRequest, message: "'\(text.prefix(64))' is no delivery's id: expected a number")
    }
    guard let delivery = try await relay.history.historyDelivery(id, now: time.now()) else {
      throw HTTPError(.notFound, message: "there is no delivery \(id)")
    }
    return try answer(delivery)
  }

  /// An array with a row in each line.
  private func rows(_ rows: [some HistoryRow]) throws -> Response {
    json(Data(("[" + (try rows.map { "\n" + (try $0.json) }).joined(separator: ",") + "\n]\n").utf8))
  }

  private func metrics() async -> Response {
    let source = Metric.Source(relay: await relay.figures(), process: .current, version: Version.number)
    return Response(
      status: .ok, headers: [.contentType: MetricsText.contentType, .cacheControl: "no-store"],
      body: .init(byteBuffer: .init(string: MetricsText(of: source).text)))
  }

  private func answer(_ value: some Encodable, status: HTTPResponse.Status = .ok) throws -> Response {
    var data = try JSONEncoder.admin.encode(value)
    data.append(UInt8(ascii: "\n"))
    return json(data, status: status)
  }

  private func json(_ data: Data, status: HTTPResponse.Status = .ok) -> Response {
    Response(
      status: status, headers: [.contentType: "application/json; charset=utf-8", .cacheControl: "no-store"],
      body: .init(byteBuffer: .init(bytes: data)))
  }

  // MARK: Acting

  private func retry(_ request: Request) async throws -> Response {
    let filter = try request.selection(except: [.state, .before])
    if !filter.ids.isEmpty {
      guard filter.isNothingButIDs else {
        throw HTTPError(.badRequest, message: "id stands alone: leave out the others")
      }
      return try answer(
        RetryAnswer(retried: try await relay.retry(.ids(filter.ids.sorted().map(DeliveryID.init))).map(\.rawValue)))
    }
    let known = try await relay.history.destinationSummaries().map(\.name)
    for name in filter.destinations where !known.contains(where: { $0 == name || $0.hasPrefix(name + "@") }) {
      throw Self.unknown(name)
    }
    guard filter.restrictsNotifications || !filter.destinations.isEmpty || request.isForAll else {
      throw HTTPError(.badRequest, message: "say which dead letters: id, destination, since, …, or all=true")
    }
    return try answer(RetryAnswer(retried: try await relay.retry(.matching(filter)).map(\.rawValue)))
  }

  private func replay(_ request: Request) async throws -> Response {
    var filter = try request.selection(except: [.id, .state, .settledSince, .before])
    guard filter.destinations.count == 1, let name = filter.destinations.first else {
      throw HTTPError(.badRequest, message: "say where to: destination=NAME, once")
    }
    filter.destinations = []
    guard filter.restrictsNotifications || request.isForAll else {
      throw HTTPError(.badRequest, message: "say which notifications: since, until, account, …, or all=true")
    }
    guard let page = try await relay.replay(filter, destination: name) else { throw Self.unknown(name) }
    return try answer(ReplayAnswer(replayed: page.replayed, passedOver: page.passedOver, last: page.last))
  }

  private func setPause(_ pause: DestinationPause?, _ context: BasicRequestContext) async throws -> Response {
    let name = try context.destinationName()
    guard try await relay.setPause(pause, ofDestination: name) else { throw Self.unknown(name) }
    return Response(status: .noContent)
  }

  private func test(_ context: BasicRequestContext) async throws -> Response {
    let name = try context.destinationName()
    let exchanges = await relay.test(destination: name)
    guard !exchanges.isEmpty else { throw Self.unknown(name) }
    return try answer(exchanges)
  }

  private func reloaded(_ result: Reload) throws -> Response {
    switch result {
    case .done(let accounts, let destinations, let warnings):
      try answer(ReloadAnswer(accounts: accounts, destinations: destinations, warnings: warnings))
    case .invalid(let problems):
      throw HTTPError(.unprocessableContent, message: problems.joined(separator: "\n"))
    case .failed(let reason): throw HTTPError(.serviceUnavailable, message: reason)
    }
  }

  private static func unknown(_ name: String) -> HTTPError {
    HTTPError(.notFound, message: "no destination \(name.prefix(80)) is configured")
  }
}

extension BasicRequestContext {
  fileprivate func destinationName() throws -> String {
    let text = try parameters.require("name")
    return text.removingPercentEncoding ?? text
  }
}

extension Request {
  /// The query's items, decoded.
  private func queryItems() throws -> [(name: String, value: String)] {
    try (uri.query ?? "").split(separator: "&").map { item in
      let parts = item.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
      guard let name = parts[0].removingPercentEncoding,
        let value = String(parts.count > 1 ? parts[1] : "").removingPercentEncoding
      else { throw HTTPError(.badRequest, message: "the query is not percent-encoded UTF-8") }
      return (name, value)
    }
  }

  /// What to list.
  fileprivate func filter() throws -> HistoryFilter { try filter(queryItems(), limit: FilterQuery.defaultLimit) }

  /// What to act on.
  fileprivate func selection(except excluded: Set<FilterQuery.Parameter>) throws -> HistoryFilter {
    let items = try queryItems()
    if let item = items.first(where: { FilterQuery.Parameter(rawValue: $0.name).map(excluded.contains) ?? false }) {
      throw HTTPError(.badRequest, message: "\(item.name) has no meaning here")
    }
    if let item = items.first(where: { $0.name == Self.all && $0.value != "true" }) {
      throw HTTPError(.badRequest, message: "all=\(item.value.prefix(64)): expected true")
    }
    return try filter(items, limit: FilterQuery.maximumLimit)
  }

  /// Nothing at all is rather a slip than a wish for everything, which is to be said.
  fileprivate var isForAll: Bool { ((try? queryItems()) ?? []).contains { $0.name == Self.all } }

  private static let all = "all"

  private func filter(_ items: [(name: String, value: String)], limit: Int) throws -> HistoryFilter {
    do throws(FilterQuery.Invalid) {
      return try FilterQuery(items, passingOver: method == .post ? [Self.all] : [], limit: limit).filter
    } catch {
      throw HTTPError(.badRequest, message: error.description)
    }
  }
}

extension HistoryFilter {
  fileprivate var isNothingButIDs: Bool {
    var bare = HistoryFilter(limit: limit)
    bare.ids = ids
    return self == bare
  }

  /// Whether it leaves out any notification for what it is or when it was recorded.
  fileprivate var restrictsNotifications: Bool {
    !accounts.isEmpty || !statuses.isEmpty || idMessage != nil || since != nil || until != nil || settledSince != nil
  }
}
