import Foundation
import GreenAPI
import GreenAPISimulator
import Testing

@Suite("The control API")
struct ControlAPITests {
  private let messages = "/control/instances/\(instance)/messages"
  private let faults = "/control/instances/\(instance)/faults"

  @Test("Another process can create an instance, post, advance and see what was shown")
  func wholeRound() async throws {
    try await withSimulator { running in
      let client = running.client
      let created = try await client.send(
        "PUT", "/control/instances",
        body: """
          {"idInstance": 1101000002, "apiTokenInstance": "secret",
           "settings": {"wid": "7@c.us", "typeInstance": "v3", "webhookUrl": "https://example.com"}}
          """)
      #expect(created.status == 201)
      let list = try #require(try await client.get("/control/instances").json() as? [[String: Any]])
      #expect(list.map { $0["idInstance"] as? Int } == [1_101_000_001, 1_101_000_002])
      #expect(list.last?["typeInstance"] as? String == "v3")

      let posted = try await client.send(
        "POST", "/control/instances/1101000002/messages",
        body: """
          {"idMessage": "A", "media": "image", "caption": "a picture", "thumbnailSize": 10, "status": "sent",
           "timestamp": 1710134000, "script": [{"after": 1.5, "status": "delivered"}], "participants": ["8@c.us"]}
          """)
      #expect(posted.status == 201)
      #expect(posted.text == #"{"idMessage":"A"}"#)
      let poll = "/v3/waInstance1101000002/getOutgoingStatuses/secret"
      for _ in 0..<2 { #expect(try await client.get(poll).status == 200) }
      running.clock.advance(by: 1.5)
      #expect(try await client.get(poll).text.contains(#""statusMessage":"delivered""#))
      let advanced = try await client.send(
        "PATCH", "/control/instances/1101000002/messages/A", body: #"{"status":"read","timestamp":1710135000}"#)
      #expect(advanced.status == 204)

      let listed = try #require(
        try await client.get("/control/instances/1101000002/messages").json() as? [[String: Any]])
      let message = try #require(listed.first)
      #expect(message["status"] as? String == "read")
      let history = try #require(message["history"] as? [[String: Any]])
      #expect(history.map { $0["status"] as? String } == ["sent", "delivered", "read"])
      #expect(history.map { $0["timestamp"] as? Int } == [1_710_134_000, 1_710_134_812, 1_710_135_000])
      let shown = try #require(message["shown"] as? [[String: Any]])
      #expect(shown.map { $0["status"] as? String } == ["sent", "delivered"])
      #expect(shown.map { $0["times"] as? Int } == [2, 1])
      let all = try #require(try await client.get("/control/shown").json() as? [[String: Any]])
      #expect(all.map { $0["firstShownAt"] as? Double } == [1_710_134_811, 1_710_134_812.5])
    }
  }

  @Test("Settings change in part, and what isn't given stays")
  func settings() async throws {
    try await withSimulator { running in
      let path = "/control/instances/\(instance)/settings"
      let change = #"{"outgoingWebhook": false, "betaAccess": false}"#
      #expect(try await running.client.send("PATCH", path, body: change).status == 200)
      let settings = try AccountSettings(decoding: try await running.get(.getSettings).body)
      #expect(settings.outgoingWebhook == false)
      #expect(settings.wid == "79991234567@c.us")
      #expect(try await running.get(.getOutgoingStatuses).status == 403)
      #expect(try await running.client.send("PATCH", path, body: #"{"stateInstance": "starting"}"#).status == 200)
      #expect(try await running.get(.getSettings).status == 400)
    }
  }

  @Test("Faults are set, listed and cleared")
  func faultsRound() async throws {
    try await withSimulator { running async throws in
      let set = #"[{"fault":"status","methods":["getSettings"],"status":503,"times":2}]"#
      #expect(try await running.client.send("PUT", faults, body: set).text == set)
      #expect(try await running.get(.getSettings).status == 503)
      #expect(try await running.client.get(faults).text == set.replacing(#""times":2"#, with: #""times":1"#))
      #expect(try await running.client.send("DELETE", faults).status == 204)
      #expect(try await running.get(.getSettings).status == 200)
    }
  }

  @Test("Requests are counted by instance, method and answer")
  func requests() async throws {
    try await withSimulator(requestsPerSecond: 1) { running in
      for _ in 0..<3 { _ = try await running.get(.getSettings) }
      let counts = try #require(try await running.client.get("/control/requests").json() as? [[String: Any]])
      #expect(counts.count == 1)
      #expect(counts.first?["method"] as? String == "getSettings")
      #expect(counts.first?["count"] as? Int == 3)
      #expect(counts.first?["byStatus"] as? [String: Int] == ["200": 1, "429": 2])
      #expect((counts.first?["recent"] as? [Double])?.count == 3)
    }
  }

  @Test("What is wrong with a request is said, with what was expected")
  func mistakes() async throws {
    try await withSimulator { running in
      try await running.simulator.post(Post(.text("hello"), idMessage: "A"), on: instance)
      let cases: [(String, String, String, Int, String)] = [
        ("PUT", "/control/instances", #"{"idInstance": 1101000001, "apiTokenInstance": "x"}"#, 409, "already"),
        ("PUT", "/control/instances", #"{"idInstance": 0, "apiTokenInstance": "x"}"#, 400, "1 to 18 digits"),
        ("PUT", "/control/instances", #"{"apiTokenInstance": "x"}"#, 400, "idInstance"),
        ("PUT", "/control/instances", "{", 400, "error"),
        ("POST", "/control/instances/2/messages", "{}", 404, "no simulated instance 2"),
        ("POST", "/control/instances/x/messages", "{}", 400, "no idInstance"),
        ("POST", messages, #"{"idMessage": "A"}"#, 409, "already"),
        ("POST", messages, #"{"skript": []}"#, 400, #"unknown key \"skript\""#),
        ("POST", messages, #"{"script": [{"after": -1, "status": "read"}]}"#, 400, "expected seconds"),
        ("PATCH", messages + "/B", #"{"status": "read"}"#, 404, "no message B"),
        ("PATCH", messages + "/A", #"{"status": ""}"#, 400, "no status"),
        ("PUT", faults, #"[{"fault": "fire"}]"#, 400, "expected one of emptyArray"),
        ("PUT", faults, #"[{"fault": "slow", "bytesPerSecond": 0}]"#, 400, "expected 1 to"),
        ("PUT", faults, #"[{"fault": "html", "methods": ["get"]}]"#, 400, "getOutgoingStatuses"),
        ("GET", "/control/nothing", "", 404, ""),
      ]
      for (method, path, body, status, text) in cases {
        let reply = try await running.client.send(method, path, body: body)
        #expect(reply.status == status, "\(method) \(path) \(body)")
        #expect(text.isEmpty || reply.text.contains(text), "\(method) \(path) \(body): \(reply.text)")
      }
    }
  }
}
