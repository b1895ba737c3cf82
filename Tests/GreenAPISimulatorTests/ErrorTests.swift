import Foundation
import GreenAPI
import GreenAPISimulator
import Logging
import NIOConcurrencyHelpers
import Testing

@Suite("The documented errors")
struct ErrorTests {
  @Test("A wrong token is answered 401, a wrong idInstance 403, a path of no method 404")
  func wrongCredentials() async throws {
    try await withSimulator { running async throws in
      #expect(try await running.client.get("/waInstance\(instance)/getSettings/wrong").status == 401)
      #expect(try await running.client.get("/waInstance1101000002/getSettings/\(token)").status == 403)
      for path in ["/", "/waInstance\(instance)/getNothing/\(token)", "/waInstanceX/getSettings/\(token)"] {
        #expect(try await running.client.get(path).status == 404)
      }
      #expect(try await running.client.send("POST", running.path(.getSettings), body: "{}").status == 405)
    }
  }

  @Test("The prefix /v3 is for instances of MAX, and for them alone")
  func v3Prefix() async throws {
    try await withSimulator { running in
      #expect(try await running.get(.getSettings, prefix: "/v3").status == 404)
      try await running.simulator.changeSettings(of: instance) { $0.account.typeInstance = .v3 }
      #expect(try await running.get(.getSettings, prefix: "/v3").status == 200)
      #expect(try await running.get(.getSettings).status == 404)
    }
  }

  @Test(
    "Each condition of an instance is answered as documented",
    arguments: [
      (APIFailure.Kind.starting, 400), (.notAuthorized, 400), (.noAccess, 403), (.quotaExceeded, 466),
    ])
  func condition(_ kind: APIFailure.Kind, _ status: Int) async throws {
    var settings = InstanceSettings()
    switch kind {
    case .starting: settings.stateInstance = .starting
    case .notAuthorized: settings.stateInstance = .notAuthorized
    case .noAccess: settings.betaAccess = false
    default: settings.quotaExceeded = true
    }
    try await withSimulator(settings: settings) { running in
      let reply = try await running.get(.getOutgoingStatuses)
      #expect(reply.status == status)
      #expect(APIFailure(httpStatus: status, body: reply.body).kind == kind)
      #expect(try await running.get(.getStateInstance).status == 200)
      #expect(try await running.get(.getSettings).status == (kind == .starting ? 400 : 200))
      #expect(try await running.get(.lastOutgoingMessages).status == (kind == .noAccess ? 200 : status))
    }
  }

  @Test("Every error is answered on demand, plain, in JSON and in disguise, and is known for what it is")
  func onDemand() async throws {
    try await withSimulator { running in
      for error in ErrorAnswer.allCases {
        let path = "/control/instances/\(instance)/faults"
        for form in ErrorAnswer.Form.allCases {
          let fault = #"[{"fault":"error","error":"\#(error.rawValue)","form":"\#(form.rawValue)"}]"#
          #expect(try await running.client.send("PUT", path, body: fault).status == 200)
          let reply = try await running.get(.getOutgoingStatuses)
          #expect(reply.status == (form == .disguised ? 200 : error.status))
          guard form == .usual else {
            #expect(try reply.json() is [String: Any], "\(error) \(form)")
            if form == .disguised { #expect(APIFailure(disguisedIn: reply.body) != nil) }
            continue
          }
          let kind = APIFailure(httpStatus: reply.status ?? 0, body: reply.body).kind
          #expect(error == .pathEcho ? kind == .notFound : kind != .unexpectedAnswer)
        }
        #expect(try await running.client.send("DELETE", path).status == 204)
      }
      let unknown = #"[{"fault":"error","error":"flood"}]"#
      #expect(
        try await running.client.send("PUT", "/control/instances/\(instance)/faults", body: unknown).status == 400)
    }
  }

  @Test("An error that echoes the path has the token in it, in JSON with its slashes escaped")
  func pathEcho() async throws {
    try await withSimulator { running in
      try await running.simulator.setFaults([Fault(.error(.pathEcho))], on: instance)
      #expect(try await running.get(.getSettings).text == "Cannot GET /waInstance\(instance)/getSettings/\(token)")
      try await running.simulator.setFaults([Fault(.error(.pathEcho, as: .json))], on: instance)
      #expect(try await running.get(.getSettings).text.contains(#"\/waInstance\#(instance)\/getSettings\/\#(token)"#))
    }
  }

  @Test("An instance that is being created has the state null, and may be unauthorized for all that the others tell")
  func beingCreated() async throws {
    try await withSimulator(settings: InstanceSettings(stateInstance: .null)) { running in
      #expect(try await running.get(.getStateInstance).text == "null")
      for method in [APIMethod.getSettings, .getOutgoingStatuses] {
        let reply = try await running.get(method)
        #expect(APIFailure(httpStatus: reply.status ?? 0, body: reply.body).kind == .startingOrNotAuthorized)
      }
    }
  }

  @Test("A used-up quota is told in the documented JSON")
  func quotaBody() async throws {
    try await withSimulator(settings: InstanceSettings(quotaExceeded: true)) { running in
      let body = try #require(try await running.get(.getOutgoingStatuses).json() as? [String: [String: Any]])
      let status = try #require(body["invokeStatus"])
      #expect(status["status"] as? String == "QUOTE_EXCEEDED")
      #expect(status["method"] as? String == "getoutgoingstatuses")
      #expect(status["used"] is Int && status["total"] is Int && status["description"] is String)
    }
  }

  @Test("Above one request a second for a method the answer is 429; other methods and other instances are unaffected")
  func rateLimit() async throws {
    try await withSimulator(requestsPerSecond: 1) { running in
      try await running.simulator.addInstance(1_101_000_002, token: Secret(token))
      #expect(try await running.get(.getOutgoingStatuses).status == 200)
      let refused = try await running.get(.getOutgoingStatuses)
      #expect(refused.status == 429)
      #expect(APIFailure(httpStatus: 429, body: refused.body).kind == .rateLimited)
      #expect(try await running.get(.getSettings).status == 200)
      #expect(try await running.client.get("/waInstance1101000002/getOutgoingStatuses/\(token)").status == 200)
      running.clock.advance(by: 1)
      #expect(try await running.get(.getOutgoingStatuses).status == 200)
    }
  }

  @Test("No answer and no description holds the token")
  func tokenIsSecret() async throws {
    try await withSimulator { running in
      let faults = #"[{"fault":"status","status":500}]"#
      var replies = [
        try await running.get(.getSettings), try await running.client.get("/nothing/\(token)"),
        try await running.client.get("/control/instances"), try await running.client.get("/control/requests"),
        try await running.client.send("PUT", "/control/instances/\(instance)/faults", body: faults),
      ]
      replies.append(try await running.get(.getSettings))
      for reply in replies { #expect(!String(decoding: reply.bytes, as: UTF8.self).contains(token)) }
      let request = try #require(MethodRequest(path: running.path(.getSettings)))
      #expect(!"\(request)".contains(token))
      var dumped = ""
      dump(SimulatedInstance(instance, token: Secret(token)), to: &dumped)
      #expect(!dumped.contains(token))
    }
  }

  @Test("Nothing is logged that holds a token, at any level, whatever goes wrong")
  func logs() async throws {
    let log = RecordedLog()
    let server = SimulatorServer(logger: Logger(label: "test") { _ in log })
    let running = Task { try await server.run() }
    let client = HTTPTestClient(port: try await server.boundPort)
    let create = #"{"idInstance": \#(instance), "apiTokenInstance": "\#(token)"}"#
    for _ in 0..<2 { _ = try await client.send("PUT", "/control/instances", body: create) }
    let poll = "/waInstance\(instance)/getOutgoingStatuses/\(token)"
    try await server.simulator.setFaults([Fault(.hangUp)], on: instance)
    for path in [poll, poll, "/nowhere/\(token)", "/control/nowhere/\(token)"] { _ = try await client.get(path) }
    _ = try await client.raw("GET \(poll) HTTP/1.1\r\nbad header\r\n\r\n")
    running.cancel()
    try? await running.value
    #expect(!log.text.isEmpty)
    #expect(!log.text.contains(token))
  }
}

/// Keeps every line, whatever its level.
private final class RecordedLog: LogHandler {
  private let lines = NIOLockedValueBox<[String]>([])

  var text: String { lines.withLockedValue { $0.joined(separator: "\n") } }

  var logLevel: Logger.Level {
    get { .trace }
    set {}
  }
  var metadata: Logger.Metadata {
    get { [:] }
    set {}
  }
  subscript(metadataKey key: String) -> Logger.Metadata.Value? {
    get { nil }
    set {}
  }

  func log(event: LogEvent) {
    lines.withLockedValue {
      $0.append("\(event.message) \(event.metadata ?? [:]) \(event.error.map { "\($0)" } ?? "")")
    }
  }
}
