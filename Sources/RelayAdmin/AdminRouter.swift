import Foundation
import GreenAPI
import HTTPTypes
import Hummingbird
import Relay
import RelayCore
import RelayStore

/// What the admin API answers.
///
/// | request | answer |
/// |---|---|
/// | `GET /healthz` | 200 while the process works |
/// | `GET /v1/status` | ``RelayStatus`` |
/// | `POST /v1/retry` with ``RetryRequest`` | ``RetryAnswer`` |
/// | `POST /v1/destinations/{name}/pause`, `…/resume` | 204; 404 for a name not configured |
struct AdminRouter {
  let relay: Relay
  let token: Secret?

  var router: Hummingbird.Router<BasicRequestContext> {
    let router = Hummingbird.Router()
    router.get("healthz") { _, _ in "ok\n" }
    let api = router.group("v1")
    if let token { api.add(middleware: BearerToken(token: token)) }
    api.get("status") { _, _ in try answer(await relay.status()) }
    api.post("retry") { request, context in
      let body = try await request.decode(as: RetryRequest.self, context: context)
      return try await retry(body)
    }
    api.post("destinations/:name/pause") { _, context in try await setPause(.byOperator, context) }
    api.post("destinations/:name/resume") { _, context in try await setPause(nil, context) }
    return router
  }

  private func retry(_ request: RetryRequest) async throws -> Response {
    let selection: DeadLetterSelection
    if let ids = request.ids {
      selection = .ids(ids.map(DeliveryID.init(rawValue:)))
    } else {
      let destinations = try await relay.history.destinationSummaries()
      let wanted = destinations.first { $0.name == request.destination }
      if request.destination != nil, wanted == nil { throw HTTPError(.notFound, message: "no such destination") }
      var filter = HistoryFilter(limit: .max)
      filter.destinations = Set([wanted?.name].compactMap(\.self))
      selection = .matching(filter)
    }
    return try answer(RetryAnswer(retried: await relay.retry(selection).map(\.rawValue)))
  }

  private func setPause(_ pause: DestinationPause?, _ context: BasicRequestContext) async throws -> Response {
    let name = try context.parameters.require("name")
    guard try await relay.setPause(pause, ofDestination: name) else {
      throw HTTPError(.notFound, message: "no destination \(name) is configured")
    }
    return Response(status: .noContent)
  }

  private func answer(_ value: some Encodable) throws -> Response {
    let data = try JSONEncoder.admin.encode(value)
    return Response(
      status: .ok, headers: [.contentType: "application/json; charset=utf-8"],
      body: .init(byteBuffer: .init(bytes: data)))
  }
}

/// Which dead letters to send again: these, or with `ids` left out all of a destination, or all.
public struct RetryRequest: Codable, Sendable, Hashable {
  public var ids: [Int64]?
  public var destination: String?

  public init(ids: [Int64]? = nil, destination: String? = nil) {
    self.ids = ids
    self.destination = destination
  }
}

/// The ids of the deliveries that wait again.
public struct RetryAnswer: Codable, Sendable, Hashable {
  public var retried: [Int64]

  public init(retried: [Int64]) { self.retried = retried }
}

extension JSONEncoder {
  /// As the admin API and every `--json` print: ISO 8601 times, keys in order.
  public static var admin: JSONEncoder {
    let encoder = JSONEncoder()
    encoder.dateEncodingStrategy = .iso8601
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    return encoder
  }
}

extension JSONDecoder {
  /// Reads what ``Foundation/JSONEncoder/admin`` wrote.
  public static var admin: JSONDecoder {
    let decoder = JSONDecoder()
    decoder.dateDecodingStrategy = .iso8601
    return decoder
  }
}

/// Lets only requests with the right token pass.
private struct BearerToken<Context: RequestContext>: RouterMiddleware {
  let token: Secret

  func handle(
    _ request: Request, context: Context, next: (Request, Context) async throws -> Response
  ) async throws -> Response {
    let given = request.headers[.authorization].map { Array($0.utf8) } ?? []
    guard Self.equal(given, Array("Bearer \(token.reveal())".utf8)) else {
      throw HTTPError(.unauthorized, message: "the admin token is missing or wrong")
    }
    return try await next(request, context)
  }

  /// Takes the same time wherever the two differ.
  private static func equal(_ a: [UInt8], _ b: [UInt8]) -> Bool {
    guard a.count == b.count else { return false }
    return zip(a, b).reduce(UInt8(0)) { $0 | ($1.0 ^ $1.1) } == 0
  }
}
