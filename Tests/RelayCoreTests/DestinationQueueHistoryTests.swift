import GreenAPI
import RelayCore
import Testing

import class Foundation.ProcessInfo

/// The queue against plain models of outbox, circuit and rate limit, through random histories: every delivery is settled once, in the
/// order of its lane, never more at once or in a stretch of time than allowed, none while paused, unaddressed, or while the circuit is
/// open, and waiting costs no attempt.
@Suite struct DestinationQueueHistoryTests {
  /// More or fewer seeds: `STATUSRELAY_SEEDS=100000 swift test --filter DestinationQueueHistory`; one seed again:
  /// `STATUSRELAY_SEED=7`.
  private static let seeds: Range<UInt64> = {
    let environment = ProcessInfo.processInfo.environment
    if let seed = environment["STATUSRELAY_SEED"].flatMap(UInt64.init) { return seed..<seed + 1 }
    return 0..<(environment["STATUSRELAY_SEEDS"].flatMap(UInt64.init) ?? 10_000)
  }()

  @Test("Every delivery of any history ends once, in its lane's order, within the limits")
  func randomHistories() async {
    let shares = UInt64(ProcessInfo.processInfo.activeProcessorCount)
    await withTaskGroup(of: QueueHistory.Tally?.self) { group in
      for share in 0..<shares {
        group.addTask {
          var tally = QueueHistory.Tally()
          for seed in Self.seeds where seed % shares == share && !Task.isCancelled {
            // Tests that wait for a moment are to get their turn in between.
            await Task.yield()
            let history = QueueHistory(seed: seed)
            if let complaint = history.run() {
              Issue.record("seed \(seed): \(complaint). It is run again with STATUSRELAY_SEED=\(seed)")
              return nil
            }
            tally += history.tally
          }
          return tally
        }
      }
      var tally = QueueHistory.Tally()
      for await one in group {
        guard let one else { return group.cancelAll() }
        tally += one
      }
      if Self.seeds.count >= 1000 {
        print(tally)
        for path in QueueHistory.Tally.all { #expect(tally[keyPath: path] > Self.seeds.count / 100, "\(tally)") }
      }
    }
  }
}

extension RelayCore.Notification {
  static func example(
    webhookID: String = "msg_1", idInstance: IDInstance = 1, idMessage: String = "A", chatId: String = "c",
    typeMessage: String = "", sendByApi: Bool = true
  ) -> RelayCore.Notification {
    RelayCore.Notification(
      webhookID: webhookID, idInstance: idInstance, idMessage: idMessage, status: .sent, timestamp: 1, chatId: chatId,
      typeMessage: typeMessage, sendByApi: sendByApi, body: [])
  }
}
