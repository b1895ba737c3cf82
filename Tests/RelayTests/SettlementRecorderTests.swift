import RelayCore
import RelayStore
import Testing

@testable import Relay

@Suite struct SettlementRecorderTests {
  private static let error = OutboxError(.full, "the disk is full")

  private static func settlement(_ id: Int64) -> Settlement {
    Settlement(
      delivery: DeliveryID(rawValue: id), destination: DestinationID(rawValue: 1), lane: Lane(rawValue: 1),
      verdict: .delivered, attempts: 1, report: nil)
  }

  @Test("Results gather while others are being recorded, and go together then")
  func gathers() {
    var recorder = SettlementRecorder()
    #expect(recorder.isIdle && recorder.nextBatch() == nil)
    recorder.add(Self.settlement(1))
    #expect(recorder.nextBatch() == [Self.settlement(1)])
    recorder.add(Self.settlement(2))
    recorder.add(Self.settlement(3))
    #expect(recorder.nextBatch() == nil)
    recorder.recorded()
    #expect(recorder.nextBatch() == [Self.settlement(2), Self.settlement(3)])
    #expect(!recorder.isIdle)
    recorder.recorded()
    #expect(recorder.isIdle)
  }

  @Test("What could not be recorded is tried again as it was, before anything newer, after ever longer waits")
  func triesAgain() {
    var recorder = SettlementRecorder()
    recorder.add(Self.settlement(1))
    _ = recorder.nextBatch()
    var waits: [Duration] = []
    for _ in 0..<7 {
      recorder.add(Self.settlement(2))
      waits.append(recorder.failed(Self.error))
      #expect(recorder.trouble == Self.error)
      #expect(recorder.nextBatch() == nil, "it waits")
      recorder.tryAgain()
      #expect(recorder.nextBatch() == [Self.settlement(1)])
    }
    #expect(waits == [1, 2, 4, 8, 16, 30, 30].map { .seconds($0) })
    recorder.recorded()
    #expect(recorder.trouble == nil)
    #expect(recorder.nextBatch()?.count == 7)
    #expect(recorder.failed(Self.error) == .seconds(1), "the waits begin anew")
  }

  @Test("A batch is bounded, and the rest follows in order")
  func bounded() {
    var recorder = SettlementRecorder()
    let count = Int64(SettlementRecorder.largestBatch) + 10
    for id in 0..<count { recorder.add(Self.settlement(id)) }
    #expect(recorder.nextBatch()?.count == SettlementRecorder.largestBatch)
    recorder.recorded()
    #expect(recorder.nextBatch()?.map(\.delivery.rawValue) == Array(count - 10..<count))
  }

  @Test("While attempts go on their results gather for a moment, unless there are many")
  func gathersForAMoment() {
    var recorder = SettlementRecorder()
    recorder.add(Self.settlement(1))
    #expect(recorder.step(attemptsGoOn: true) == .gather)
    recorder.add(Self.settlement(2))
    #expect(recorder.step(attemptsGoOn: true) == nil, "the moment is not over")
    recorder.gathered()
    #expect(recorder.step(attemptsGoOn: true) == .record([Self.settlement(1), Self.settlement(2)]))
    recorder.recorded()
    for id in 0..<Int64(SettlementRecorder.worthwhileBatch) { recorder.add(Self.settlement(id)) }
    #expect(recorder.nextBatch(attemptsGoOn: true)?.count == SettlementRecorder.worthwhileBatch)
  }

  @Test("The last attempt's result waits for nothing, and neither does one that others may wait for")
  func gathersNoLonger() {
    var recorder = SettlementRecorder()
    recorder.add(Self.settlement(1))
    #expect(recorder.step(attemptsGoOn: true) == .gather)
    #expect(recorder.step(attemptsGoOn: false) == .record([Self.settlement(1)]))
    recorder.recorded(unblocked: true)
    recorder.add(Self.settlement(2))
    #expect(recorder.step(attemptsGoOn: true) == .record([Self.settlement(2)]))
    recorder.recorded(unblocked: false)
    recorder.add(Self.settlement(3))
    #expect(recorder.step(attemptsGoOn: true) == .gather)
  }
}

extension SettlementRecorder {
  /// The results to record now, if any.
  fileprivate mutating func nextBatch(attemptsGoOn: Bool = false) -> [Settlement]? {
    guard case .record(let settlements) = step(attemptsGoOn: attemptsGoOn) else { return nil }
    return settlements
  }
}
