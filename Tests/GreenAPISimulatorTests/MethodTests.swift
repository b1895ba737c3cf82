import Foundation
import GreenAPI
import GreenAPISimulator
import Testing

@Suite("The methods over HTTP")
struct MethodTests {
  @Test("getOutgoingStatuses answers records shaped exactly as documented")
  func documentedShape() async throws {
    try await withSimulator { running in
      let text = "I use Green-API to send this Status!"
      try await running.simulator.post(
        Post(
          .text(text), idMessage: "BAE5018000000000", participants: ["70000000001@c.us", "70000000002@c.us"],
          chatId: "70000000001@c.us", status: .read, timestamp: 1_710_134_811, script: []), on: instance)
      try await running.simulator.post(
        Post(
          .media(Post.Media(caption: text, thumbnailSize: 41)), idMessage: "BAE5207000000000",
          chatId: "70000000001@c.us", status: .read, timestamp: 1_710_134_814, script: []), on: instance)
      running.clock.advance(by: 10)
      let reply = try await running.get(.getOutgoingStatuses)
      #expect(reply.status == 200)
      #expect(reply.header("Content-Type") == "application/json; charset=utf-8")
      let documented = try Data(
        contentsOf: #require(
          Bundle.module.url(forResource: "documented", withExtension: "json", subdirectory: "fixtures")))
      // The download's name is the simulator's own; everything else is the documented text without its white space.
      let file = "BAE5207000000000.jpg"
      var expected = String(decoding: documented, as: UTF8.self)
        .replacing(#/1101000000\/dcf81410-bdbc-4aed-bf23-d1845c000000\.jpg/#, with: "\(instance)/\(file)")
        .replacing(#/dcf81410-bdbc-4aed-bf23-d1845cd74754\.jpg/#, with: file)
      expected = expected.replacing(#/\n\s*/#, with: "").replacing(#/": /#, with: "\":")
      #expect(reply.text == expected)
    }
  }

  @Test("A scripted post goes through its states, and its timestamp moves with each")
  func scriptedProgress() async throws {
    try await withSimulator { running in
      let id = try await running.simulator.post(Post(.text("hello"), script: Post.usualScript), on: instance)
      let start = running.clock.now.timeIntervalSince1970
      for (wait, status, offset) in [(0.0, "pending", 0), (1, "sent", 1), (3, "delivered", 4), (5, "read", 9)] {
        running.clock.advance(by: wait)
        let record = try #require(try await running.poll().records.first)
        #expect(record.idMessage == id)
        #expect(record.status.rawValue == status)
        #expect(record.timestamp == Int64(start) + Int64(offset))
      }
    }
  }

  @Test("minutes limits how far back the latest action lies; without it, a day")
  func minutes() async throws {
    try await withSimulator { running in
      let now = Int64(running.clock.now.timeIntervalSince1970)
      for (id, age) in [("A", 25 * 3_600), ("B", 7_200), ("C", 60)] as [(String, Int64)] {
        try await running.simulator.post(
          Post(.text(id), idMessage: id, timestamp: now - age, script: []), on: instance)
      }
      #expect(try await running.poll().records.map(\.idMessage) == ["B", "C"])
      #expect(try await running.poll(query: "?minutes=30").records.map(\.idMessage) == ["C"])
      #expect(try await running.poll(query: "?minutes=43200").records.map(\.idMessage) == ["A", "B", "C"])
      for wrong in ["0", "-5", "soon"] {
        let reply = try await running.get(.getOutgoingStatuses, query: "?minutes=\(wrong)")
        #expect(reply.status == 400)
        #expect(reply.text == "bad request data")
      }
    }
  }

  @Test("lastOutgoingMessages lists ordinary messages and no statuses, getOutgoingStatuses the other way round")
  func places() async throws {
    try await withSimulator { running in
      try await running.simulator.post(Post(.text("a story"), idMessage: "S"), on: instance)
      try await running.simulator.post(Post(.text("a message"), idMessage: "M", place: .messages), on: instance)
      let messages = try RecordsAnswer(decoding: try await running.get(.lastOutgoingMessages).body)
      #expect(messages.records.map(\.idMessage) == ["M"])
      #expect(try await running.poll().records.map(\.idMessage) == ["S"])
    }
  }

  @Test("getSettings answers what AccountSettings reads")
  func getSettings() async throws {
    let account = AccountSettings(
      wid: "70000000009@c.us", typeInstance: .whatsapp, outgoingWebhook: true, webhookURL: "https://crm.example.com/",
      webhookURLToken: Secret("Basic abc"))
    try await withSimulator(settings: InstanceSettings(account: account)) { running in
      let reply = try await running.get(.getSettings)
      #expect(try AccountSettings(decoding: reply.body) == account)
    }
  }

  @Test("getStateInstance names the state")
  func getStateInstance() async throws {
    try await withSimulator { running in
      #expect(try await running.get(.getStateInstance).text == #"{"stateInstance":"authorized"}"#)
      try await running.simulator.changeSettings(of: instance) { $0.stateInstance = .notAuthorized }
      #expect(try await running.get(.getStateInstance).text == #"{"stateInstance":"notAuthorized"}"#)
    }
  }

  @Test("getStatusStatistic says who received one status, and nobody before it was sent")
  func getStatusStatistic() async throws {
    try await withSimulator { running in
      let post = Post(.text("hello"), idMessage: "A", participants: ["71234567891@c.us"], script: [])
      try await running.simulator.post(post, on: instance)
      #expect(try await running.get(.getStatusStatistic, query: "?idMessage=A").text == "[]")
      try await running.simulator.advance("A", on: instance, to: .read, timestamp: 1_587_129_319)
      #expect(
        try await running.get(.getStatusStatistic, query: "?idMessage=A").text
          == #"[{"participant":"71234567891@c.us","timestamp":1587129319,"status":"read"}]"#)
      #expect(try await running.get(.getStatusStatistic, query: "?idMessage=other").text == "[]")
      #expect(try await running.get(.getStatusStatistic).status == 400)
    }
  }

  @Test("sendTextStatus posts a status that then makes progress")
  func sendTextStatus() async throws {
    try await withSimulator(script: [Post.Step(after: .seconds(2), .sent)]) { running in
      let body =
        ##"{"message":"hé \"you\"","backgroundColor":"#000000","font":"NORICAN_REGULAR","participants":["7@c.us"]}"##
      let reply = try await running.client.send("POST", running.path(.sendTextStatus), body: body)
      let answer = try #require(try reply.json() as? [String: String])
      running.clock.advance(by: 2)
      let record = try #require(try await running.poll().records.first)
      #expect(record.idMessage == answer["idMessage"])
      #expect(record.status == .sent)
      let message = try #require(try await running.simulator.messages(of: instance).first)
      #expect(message.post.content == .text("hé \"you\"", backgroundColor: "#000000", font: "NORICAN_REGULAR"))
      #expect(message.post.participants == ["7@c.us"])
      let tooLong = #"{"message":"\#(String(repeating: "x", count: 501))"}"#
      for wrong in ["", "{}", #"{"message":""}"#, "not JSON", tooLong] {
        #expect(try await running.client.send("POST", running.path(.sendTextStatus), body: wrong).status == 400)
      }
    }
  }

  @Test("While outgoingWebhook is off, statuses never change by themselves")
  func outgoingWebhookOff() async throws {
    try await withSimulator { running in
      try await running.simulator.changeSettings(of: instance) { $0.account.outgoingWebhook = false }
      try await running.simulator.post(Post(.text("hello"), script: Post.usualScript), on: instance)
      running.clock.advance(by: 60)
      #expect(try await running.poll().records.map(\.status) == [.pending])
    }
  }

  @Test("A status outside normal progress carries its description")
  func failure() async throws {
    try await withSimulator { running in
      let post = Post(.text("hello"), idMessage: "A", script: [], description: "no such number")
      try await running.simulator.post(post, on: instance)
      #expect(try await running.poll().records.first?.description == nil)
      try await running.simulator.advance("A", on: instance, to: .failed)
      #expect(try await running.poll().records.first?.description == "no such number")
    }
  }

  @Test("A thumbnail has the size asked for")
  func thumbnailSize() async throws {
    try await withSimulator { running in
      try await running.simulator.post(Post(.media(Post.Media(.video, thumbnailSize: 50_000))), on: instance)
      let records = try #require(try await running.get(.getOutgoingStatuses).json() as? [[String: Any]])
      #expect((records.first?["jpegThumbnail"] as? String)?.count == 50_000)
      #expect(records.first?["typeMessage"] as? String == "videoMessage")
    }
  }

  @Test("Tokens and ids of any characters are understood as Endpoint writes them")
  func escapes() async throws {
    try await withSimulator { running in
      let odd: IDInstance = 1_101_000_002
      try await running.simulator.addInstance(odd, token: Secret("a/b +%é?#"))
      let post = Post(.text(""), idMessage: "A&B=é +%", participants: ["7@c.us"], status: .sent, script: [])
      try await running.simulator.post(post, on: odd)
      let endpoint = Endpoint(apiURL: "", idInstance: odd, apiTokenInstance: Secret("a/b +%é?#"))
      let path = endpoint.url(.getStatusStatistic, query: [("idMessage", "A&B=é +%")])
      #expect(try await running.client.get(path).text.contains("7@c.us"))
    }
  }

  @Test("One connection carries many requests")
  func keptConnection() async throws {
    try await withSimulator { running in
      let path = running.path(.getStateInstance)
      let two = "GET \(path) HTTP/1.1\r\nHost: a\r\n\r\nGET \(path) HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
      let reply = try await running.client.raw(two)
      #expect(reply.components(separatedBy: "HTTP/1.1 200").count == 3)
    }
  }
}
