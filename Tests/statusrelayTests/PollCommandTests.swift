import Foundation
import GreenAPI
import GreenAPISimulator
import RelayCore
import RelayStore
import Testing

@Suite("poll")
struct PollCommandTests {
  @Test(
    "On a new state directory startFrom: now announces nothing, says how many records there are, and --all shows them")
  func firstPoll() async throws {
    try await withTestAccount { account in
      try await account.post("M1", .sent)
      try await account.post("M2", .pending)
      let result = try await account.run("poll")
      #expect(result.exit == .code(0), "\(result.error)")
      #expect(result.output.isEmpty)
      #expect(result.error.contains("2 records") && result.error.contains("--all"))
      let all = try await account.run("poll", "--all")
      #expect(all.outputLines.count == 1)
      let line = try #require(all.outputLines.first)
      #expect(
        line.hasPrefix(
          #"{"typeWebhook":"outgoingMessageStatus","chatId":"79991234567@c.us","instanceData":{"idInstance":1101000001,"wid":"79991234567@c.us","typeInstance":"whatsapp"},"timestamp":"#
        ))
      #expect(line.hasSuffix(#","idMessage":"M1","status":"sent","sendByApi":true}"#))
      #expect(!FileManager.default.fileExists(atPath: account.stateDirectory), "it records nothing")
    }
  }

  @Test("startFrom: beginning announces at once what the first poll shows")
  func beginning() async throws {
    try await withTestAccount { account in
      try account.configure(account: "startFrom: beginning")
      try await account.post("M1", .read)
      let result = try await account.run("poll")
      #expect(result.outputLines.count == 1)
      #expect(result.output.contains(#""idMessage":"M1","status":"read""#))
    }
  }

  @Test(
    "It prints what run would announce: neither what the snapshot knows nor what the history has, and changes neither")
  func afterwards() async throws {
    try await withTestAccount { account in
      let outbox = try await SQLiteOutbox.open(.init(directory: account.stateDirectory))
      var known = RecordedStatuses()
      known.insert(.sent)
      let past = Moment(steady: SteadyTime(milliseconds: 1), unix: UnixTime(milliseconds: 1))
      _ = try await outbox.record(
        PollRecording(
          idInstance: TestAccount.idInstance,
          progress: AccountProgress(firstPoll: past.unix, latestPoll: past.steady),
          tracked: [
            TrackedMessage(idMessage: "M1", recorded: known, lastSeen: 0),
            TrackedMessage(idMessage: "M2", recorded: known, lastSeen: 0),
          ],
          forgotten: [], notifications: [.init(notification: PreparedOutbox.notification("M3", .read), routes: [])],
          recordedAt: past))
      let before = try await outbox.account(TestAccount.idInstance)
      await outbox.close()
      try await account.post("M1", .sent)
      try await account.post("M2", .delivered)
      try await account.post("M3", .read)
      for _ in 1...2 {
        let result = try await account.run("poll")
        #expect(result.exit == .code(0), "\(result.error)")
        #expect(result.outputLines.count == 1)
        #expect(result.output.contains(#""idMessage":"M2","status":"delivered""#))
      }
      let reader = try await SQLiteOutbox.openReadOnly(directory: account.stateDirectory)
      #expect(try await reader.account(TestAccount.idInstance) == before)
      #expect(try await reader.events(HistoryFilter()).count == 1)
      await reader.close()
      #expect(try await account.run("poll", "--all").outputLines.count == 3)
    }
  }

  @Test("An account that can't be polled ends with 69 and what to do, never with its token")
  func failure() async throws {
    try await withTestAccount(settings: InstanceSettings(betaAccess: false)) { account in
      let denied = try await account.run("poll")
      #expect(denied.exit == .code(69))
      #expect(denied.error.contains("HTTP 403") && denied.error.contains("ask GREEN-API's support for access"))
      #expect(denied.output.isEmpty)
      try account.configure(token: "wrong-token")
      let wrong = try await account.run("poll")
      #expect(wrong.exit == .code(69))
      #expect(wrong.error.contains("HTTP 401"))
      #expect(!wrong.error.contains("wrong-token"))
      let unknown = try await account.run("poll", "--account", "7")
      #expect(unknown.exit == .code(64))
      #expect(unknown.error.contains("No account 7 is configured; there is 1101000001"))
    }
  }
}
