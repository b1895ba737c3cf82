import Foundation
import GreenAPI
import GreenAPISimulator
import Testing

#if canImport(FoundationNetworking)
  import FoundationNetworking
#endif

@Suite("Faults on demand")
struct FaultTests {
  /// A simulator with three posts and these faults.
  private func withFaults(
    _ faults: [Fault], _ test: (RunningSimulator) async throws -> Void
  ) async throws {
    try await withSimulator { running in
      for id in ["A", "B", "C"] {
        try await running.simulator.post(Post(.text(id), idMessage: id, script: []), on: instance)
      }
      try await running.simulator.setFaults(faults, on: instance)
      try await test(running)
    }
  }

  @Test("An empty array is answered though there are statuses, and the records are back once the fault is used up")
  func emptyArray() async throws {
    try await withFaults([Fault(.emptyArray, times: 2)]) { running async throws in
      for _ in 0..<2 { #expect(try await running.get(.getOutgoingStatuses).text == "[]") }
      #expect(await running.simulator.shown.isEmpty)
      #expect(try await running.poll().records.count == 3)
    }
  }

  @Test("Records without ids come in place of the real ones")
  func recordsWithoutIDs() async throws {
    try await withFaults([Fault(.recordsWithoutIDs)]) { running in
      let answer = try await running.poll()
      #expect(answer.records.isEmpty)
      #expect(answer.faults == [.missingIDMessage: 3])
      #expect(await running.simulator.shown.isEmpty)
    }
  }

  @Test("Bad records of every kind come among the good ones, which are shown")
  func badRecords() async throws {
    try await withFaults([Fault(.badRecords(8))]) { running in
      let answer = try await running.poll()
      #expect(answer.records.map(\.idMessage) == ["A", "B", "C"])
      #expect(
        answer.faults == [.missingIDMessage: 2, .unusableIDMessage: 1, .missingStatusMessage: 3, .notAnObject: 2])
      #expect(await running.simulator.shown.count == 3)
    }
  }

  @Test(
    "Any HTTP status can be answered, with the documented body or a given one",
    arguments: [
      (400, APIFailure.Kind.serverTrouble), (401, .wrongToken), (403, .noAccess), (429, .rateLimited),
      (466, .quotaExceeded), (499, .serverTrouble), (500, .serverTrouble), (502, .serverTrouble),
      (503, .serverTrouble), (504, .serverTrouble), (302, .unexpectedAnswer),
    ])
  func httpStatus(_ status: Int, _ kind: APIFailure.Kind) async throws {
    try await withFaults([Fault(.status(status), times: 1), Fault(.status(status, body: "said so"))]) { running in
      // Both befall the first request, and the later one wins.
      #expect(try await running.get(.getOutgoingStatuses).text == "said so")
      try await running.simulator.setFaults([Fault(.status(status))], on: instance)
      let reply = try await running.get(.getOutgoingStatuses)
      #expect(reply.status == status)
      #expect(APIFailure(httpStatus: status, body: reply.body).kind == kind)
      #expect(await running.simulator.shown.isEmpty)
    }
  }

  @Test(
    "Bodies that are no array of records",
    arguments: [
      (Fault.Effect.html, AnswerFault.Kind.html), (.garbage, .notJSON), (.null, .notAnArray), (.object, .notAnArray),
    ])
  func otherBodies(_ effect: Fault.Effect, _ kind: AnswerFault.Kind) async throws {
    try await withFaults([Fault(effect)]) { running in
      let reply = try await running.get(.getOutgoingStatuses)
      #expect(reply.status == 200)
      #expect {
        try RecordsAnswer(decoding: reply.body)
      } throws: {
        ($0 as? AnswerFault)?.kind == kind
      }
      #expect(await running.simulator.shown.isEmpty)
    }
  }

  @Test("A truncated answer announces its length, sends half, and closes")
  func truncated() async throws {
    try await withFaults([Fault(.truncated)]) { running in
      let reply = try await running.get(.getOutgoingStatuses)
      let announced = try #require(reply.header("Content-Length").flatMap { Int($0) })
      #expect(reply.status == 200)
      #expect(reply.closedEarly)
      #expect(reply.body.count == announced / 2)
      #expect(await running.simulator.shown.isEmpty)
    }
  }

  @Test("A huge answer is streamed without a length, and a client may leave in its midst")
  func huge() async throws {
    try await withFaults([
      Fault(.huge(megabytes: 8), times: 1), Fault(.huge(megabytes: 10_000), methods: [.getSettings]),
    ]) {
      running in
      let whole = try await running.get(.getOutgoingStatuses)
      #expect(whole.header("Content-Length") == nil)
      #expect(whole.isWhole && whole.bytes.count > 8 * 1_048_576)
      let left = try await running.get(.getSettings, upTo: 4_000_000)
      #expect(left.bytes.count >= 4_000_000)
    }
  }

  @Test("A gzip bomb unpacks to a well-formed array of the size asked for, from less than a hundredth of it")
  func gzipBomb() async throws {
    try await withFaults([Fault(.gzipBomb(megabytes: 4))]) { running in
      let reply = try await running.get(.getOutgoingStatuses)
      #expect(reply.header("Content-Encoding") == "gzip")
      #expect(reply.body.count < 4 * 1_048_576 / 100)
      let session = URLSession(configuration: .ephemeral)
      defer { session.invalidateAndCancel() }
      let url = try #require(
        URL(string: "http://127.0.0.1:\(running.client.port)\(running.path(.getOutgoingStatuses))"))
      let (data, _) = try await session.data(from: url)
      #expect(abs(data.count - 4 * 1_048_576) < 4_096)
      #expect(data.first == UInt8(ascii: "[") && data.last == UInt8(ascii: "]"))
      #expect(data.dropFirst().dropLast().allSatisfy { $0 == UInt8(ascii: " ") })
    }
  }

  @Test("A slow body trickles at the pace asked for, and counts as shown once it is whole")
  func slow() async throws {
    try await withFaults([Fault(.slow(bytesPerSecond: 2_000))]) { running in
      let begun = ContinuousClock.now
      let reply = try await running.get(.getOutgoingStatuses)
      let least = Duration.seconds(Double(reply.body.count) / 2_000) - .milliseconds(110)
      #expect(begun.duration(to: .now) >= least)
      #expect(try RecordsAnswer(decoding: reply.body).records.count == 3)
      #expect(await running.simulator.shown.count == 3)
    }
  }

  @Test("Silence holds up nobody else, and lasts until the client has nothing more to say")
  func silence() async throws {
    try await withFaults([Fault(.silence, methods: [.getOutgoingStatuses])]) { running in
      let socket = try running.client.connect()
      defer { close(socket) }
      let request = Array("GET \(running.path(.getOutgoingStatuses)) HTTP/1.1\r\nHost: a\r\n\r\n".utf8)
      #expect(write(socket, request, request.count) == request.count)
      try await eventually { await !running.simulator.requests.isEmpty }
      #expect(try await running.get(.getStateInstance).status == 200)
      var byte: UInt8 = 0
      #expect(recv(socket, &byte, 1, Int32(MSG_DONTWAIT)) == -1 && errno == EAGAIN)
      shutdown(socket, Int32(SHUT_WR))
      let end = try await apart {
        var byte: UInt8 = 0
        return recv(socket, &byte, 1, 0)
      }
      #expect(end == 0)
    }
  }

  @Test("A connection is closed without an answer")
  func hangUp() async throws {
    try await withFaults([Fault(.hangUp, times: 1)]) { running in
      let reply = try await running.get(.getOutgoingStatuses)
      #expect(reply.bytes.isEmpty && reply.closedEarly)
      #expect(try await running.get(.getOutgoingStatuses).status == 200)
    }
  }

  @Test("The Date header tells GREEN-API's clock, and can be hours off")
  func dateOffset() async throws {
    try await withFaults([Fault(.dateOffset(seconds: -7_200), times: 1)]) { running in
      // TestClock begins at 1710134811.
      for date in ["Mon, 11 Mar 2024 03:26:51 GMT", "Mon, 11 Mar 2024 05:26:51 GMT"] {
        let reply = try await running.get(.getOutgoingStatuses)
        #expect(reply.header("Date") == date)
      }
    }
  }

  @Test("A fault befalls only the methods named, and faults of different kinds add up")
  func methodsAndSums() async throws {
    let faults = [
      Fault(.status(500), methods: [.getSettings]), Fault(.badRecords(1)), Fault(.dateOffset(seconds: 60)),
    ]
    try await withFaults(faults) { running in
      #expect(try await running.get(.getSettings).status == 500)
      let reply = try await running.get(.getOutgoingStatuses)
      #expect(reply.header("Date") == "Mon, 11 Mar 2024 05:27:51 GMT")
      #expect(try RecordsAnswer(decoding: reply.body).faults == [.missingIDMessage: 1])
    }
  }

  @Test("Where faults can't add up, the later one wins, and what is sent is still what is announced")
  func contradictions() async throws {
    try await withFaults([Fault(.gzipBomb(megabytes: 1)), Fault(.badRecords(2)), Fault(.html)]) { running in
      let html = try await running.get(.getOutgoingStatuses)
      #expect(html.text.contains("</html>") && html.header("Content-Encoding") == nil)
      let slowAndHuge = [Fault(.huge(megabytes: 1)), Fault(.slow(bytesPerSecond: 100_000_000))]
      try await running.simulator.setFaults(slowAndHuge, on: instance)
      let huge = try await running.get(.getOutgoingStatuses)
      #expect(huge.isWhole && huge.body.count == 1_048_578)
      #expect(huge.body.first == UInt8(ascii: "[") && huge.body.last == UInt8(ascii: "]"))
      try await running.simulator.setFaults(slowAndHuge + [Fault(.truncated)], on: instance)
      let truncated = try await running.get(.getOutgoingStatuses)
      #expect(truncated.closedEarly && truncated.body.count == 65_536)
    }
  }

  @Test("A refused request uses up no fault")
  func refusedRequests() async throws {
    try await withFaults([Fault(.html, times: 1)]) { running async throws in
      #expect(try await running.client.get("/waInstance\(instance)/getOutgoingStatuses/wrong").status == 401)
      #expect(try await running.simulator.faults(on: instance) == [Fault(.html, times: 1)])
    }
  }

  @Test("A fault with a probability befalls about that share, the same requests for the same seed")
  func probability() {
    func choices(seed: UInt64) -> [Bool] {
      var faults = Faults([Fault(.html, probability: 0.25)], seed: seed)
      return (0..<2_000).map { _ in !faults.effects(on: .getSettings).isEmpty }
    }
    #expect(choices(seed: 1) == choices(seed: 1))
    #expect(choices(seed: 1) != choices(seed: 2))
    #expect((400...600).contains(choices(seed: 1).count { $0 }))
  }

  @Test("Every fault is the same after a trip through the control API's JSON")
  func coding() throws {
    let effects: [Fault.Effect] = [
      .emptyArray, .recordsWithoutIDs, .badRecords(3), .status(500), .status(466, body: "no"), .html, .garbage, .null,
      .object, .truncated, .huge(megabytes: 2), .gzipBomb(megabytes: 3), .slow(bytesPerSecond: 4), .silence, .hangUp,
      .dateOffset(seconds: -5), .error(.expired), .error(.deleted, as: .json), .error(.pathEcho, as: .disguised),
    ]
    let faults =
      effects.map { Fault($0) }
      + [Fault(.html, methods: [.getSettings, .getStateInstance], times: 4, probability: 0.5)]
    #expect(try JSONDecoder().decode([Fault].self, from: JSONEncoder().encode(faults)) == faults)
  }
}
