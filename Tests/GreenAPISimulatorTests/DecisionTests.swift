import Foundation
import GreenAPI
import Testing

@testable import GreenAPISimulator

@Suite("The decisions apart from I/O")
struct DecisionTests {
  private let start = Date(timeIntervalSince1970: 1_710_134_811)

  @Test("The limit admits a steady request a second that jitters a little, and refuses any pace above it")
  func pacing() {
    var limit = RateLimit()
    // Left a second apart, arriving up to 40 ms early or late.
    let arrivals = (0..<100).map { start.addingTimeInterval(Double($0) + ($0 % 2 == 0 ? 0.02 : -0.02)) }
    let admittedAll = arrivals.allSatisfy { limit.admits(.getSettings, at: $0) }
    #expect(admittedAll)
    var second = RateLimit()
    let admitted = (0..<1_000).count { second.admits(.getSettings, at: start.addingTimeInterval(Double($0) * 0.1)) }
    #expect(admitted == 100)
  }

  @Test("Refused requests don't push the next admission away, and setting the clock back doesn't close a method")
  func limitRecovers() {
    var limit = RateLimit()
    let admitted = [0, 0.9, 1, -3_600, -3_599.9].map { limit.admits(.getSettings, at: start.addingTimeInterval($0)) }
    #expect(admitted == [true, false, true, true, false])
  }

  @Test("Another limit than one a second, or none")
  func otherLimits() {
    var fast = RateLimit(requestsPerSecond: 10)
    let admitted = (0..<100).count { fast.admits(.getSettings, at: start.addingTimeInterval(Double($0) * 0.05)) }
    #expect((50...51).contains(admitted))
    var off = RateLimit(requestsPerSecond: nil)
    let admittedAll = (0..<100).allSatisfy { _ in off.admits(.getSettings, at: start) }
    #expect(admittedAll)
  }

  @Test(
    "An answer that never arrives whole claims to show nothing",
    arguments: [.truncated, .silence, .hangUp] as [Fault.Effect])
  func nothingShown(_ effect: Fault.Effect) throws {
    var simulated = SimulatedInstance(1, token: Secret("t"), faults: Faults([Fault(effect, times: 1)]))
    _ = try simulated.post(Post(.text("")), at: start)
    let request = MethodRequest(.getOutgoingStatuses, of: 1, token: Secret("t"))
    #expect(simulated.answer(request, at: start).shown.isEmpty)
    #expect(simulated.answer(request, at: start.addingTimeInterval(1)).shown.count == 1)
  }

  @Test("Steps that were due while nobody looked are all in the history, each at its own time")
  func missedSteps() {
    var message = SimulatedMessage(Post(.text("")), idMessage: "A", at: start)
    message.progress(to: start.addingTimeInterval(3_600))
    #expect(message.history.map(\.status) == [.pending, .sent, .delivered, .read])
    #expect(message.history.map { $0.timestamp - start.unixSeconds } == [0, 1, 4, 9])
  }

  @Test("A state entered by hand ends the script, and a long history forgets its beginning")
  func byHand() {
    var message = SimulatedMessage(Post(.text("")), idMessage: "A", at: start)
    message.advance(to: .failed, timestamp: 5)
    message.progress(to: start.addingTimeInterval(3_600))
    #expect(message.status == .failed)
    #expect(message.timestamp == 5)
    for second in 0..<1_000 { message.advance(to: .sent, timestamp: Int64(second)) }
    #expect(message.history.count == SimulatedMessage.maximumHistory)
    #expect(message.timestamp == 999)
  }

  @Test("The journal forgets the oldest beyond its capacity, and everything after 30 days")
  func bounds() {
    var journal = Journal(maximumCount: 200)
    for second in 0..<1_000 {
      _ = journal.add(Post(.text(""), idMessage: "\(second)", script: []), at: start.addingTimeInterval(Double(second)))
      #expect(journal.count <= 200)
    }
    #expect(journal.all.last?.idMessage == "999")
    #expect(journal["0"] == nil)
    #expect(journal["900"]?.idMessage == "900")
    journal.progress(to: start.addingTimeInterval(900 + Journal.retention), moving: true)
    #expect(journal.all.first?.idMessage == "900")
    journal.progress(to: start.addingTimeInterval(2_000 + Journal.retention), moving: true)
    #expect(journal.count == 0)
  }

  @Test("lastOutgoingMessages answers the latest 10,000 and no more")
  func manyMessages() {
    var journal = Journal()
    for number in 0..<10_050 {
      _ = journal.add(Post(.text(""), idMessage: "\(number)", place: .messages, script: []), at: start)
    }
    let answered = journal.messages(in: .messages, minutes: 60, at: start)
    #expect(answered.count == 10_000)
    #expect(answered.last?.idMessage == "10049")
  }

  @Test("An id that is taken is refused, and ids made up are never taken ones")
  func ids() throws {
    var journal = Journal()
    #expect(journal.add(Post(.text(""), idMessage: "BAE5000000000001"), at: start) != nil)
    #expect(journal.add(Post(.text(""), idMessage: "BAE5000000000001"), at: start) == nil)
    #expect(journal.add(Post(.text("")), at: start) == "BAE5000000000002")
  }

  @Test("A table that forgets finds what it kept, whatever was added and forgotten before")
  func recentTable() {
    let seed = UInt64.random(in: 0 ... .max)
    var random = SplitMix64(state: seed)
    var table = RecentTable<Int, Int>(capacity: 50)
    var model: [Int] = []
    for key in 0..<3_000 {
      if Int.random(in: 0..<20, using: &random) == 0 {
        let oldest = key - Int.random(in: 0..<60, using: &random)
        table.forget { $0 < oldest }
        model.removeAll { $0 < oldest }
      }
      if model.count == 50 { model.removeFirst() }
      table.add(key, for: key)
      model.append(key)
      guard table.values == model, table.keys == model, model.allSatisfy({ table[$0] == $0 }) else {
        Issue.record("seed \(seed), key \(key): \(table.values) instead of \(model)")
        return
      }
      #expect(table[model[0] - 1] == nil)
    }
  }

  @Test("JSON is written as a decoder reads it, whatever the text")
  func json() throws {
    let text = "quote \" backslash \\ control \u{0} \u{1F} newline \n é 😀"
    let value: JSON = ["text": .string(text), "list": [1, true, .null, []], "empty": [:]]
    let decoded = try #require(try JSONSerialization.jsonObject(with: Data(value.bytes)) as? [String: Any])
    #expect(decoded["text"] as? String == text)
    #expect((decoded["list"] as? [Any])?.count == 4)
    #expect(
      JSON.object([.init(name: "b", value: 1), .init(name: "a", value: 2)]).bytes == Array(#"{"b":1,"a":2}"#.utf8))
  }

  @Test("Paths are understood with and without /v3, and others are no methods")
  func paths() throws {
    let plain = try #require(MethodRequest(path: "/waInstance1/getSettings/a%2Fb"))
    #expect(plain.idInstance == 1 && plain.method == .getSettings && !plain.hasV3Prefix)
    #expect(plain.token == Secret("a/b"))
    #expect(try #require(MethodRequest(path: "/v3/waInstance1/getSettings/t")).hasV3Prefix)
    for path in [
      "", "/v3", "/v3/v3/waInstance1/getSettings/t", "/waInstance0/getSettings/t", "/waInstance1/getSettings",
    ] {
      #expect(MethodRequest(path: path) == nil, "\(path)")
    }
  }
}
