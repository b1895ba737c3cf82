import Testing

@testable import GreenAPI

@Suite struct StandingTests {
  private static let now: Int64 = 1_760_000_000
  private static let hours: Int64 = 7200

  private static func read(_ body: String, knowing known: KnownRecords = KnownRecords()) throws -> ReadAnswer {
    var reader = RecordsReader(knowing: known)
    reader.take([UInt8](body.utf8).span)
    return try reader.finish()
  }

  private static func record(_ status: String, _ timestamp: String?) -> String {
    #"{"idMessage":"A","statusMessage":"\#(status)"\#(timestamp.map { #","timestamp":\#($0)"# } ?? "")}"#
  }

  /// Of an answer that was read before and comes again.
  private static func standing(_ elements: [String], at answer: Int64 = now) throws -> Standing {
    let body = "[\(elements.joined(separator: ","))]"
    let again = try read(body, knowing: try read(body).knownRecords)
    #expect(again.knownCount == elements.count && again.unknown.records.isEmpty)
    return again.knownStanding(at: answer)
  }

  @Test(
    "A record is on its way while its status is not final and something happened to it less than two hours ago",
    arguments: [
      ("pending", 0, true, false), ("sent", 7199, true, false), ("sent", 7200, false, true),
      ("pending", 90_000, false, true), ("delivered", 7199, true, false), ("delivered", 7200, false, false),
      ("yellowCard", 7200, false, false), ("strange", 10, true, false), ("strange", 7200, false, false),
      // Ahead of the answer's time, as it may be when that is our own clock's.
      ("sent", -7200, true, false), ("sent", -7201, false, false),
    ] as [(String, Int64, Bool, Bool)])
  func age(_ status: String, _ age: Int64, _ isUnderWay: Bool, _ isStuck: Bool) throws {
    let standing = try Self.standing([Self.record(status, "\(Self.now - age)")])
    #expect(standing.open == 1)
    #expect(standing.underWay == (isUnderWay ? 1 : 0))
    #expect(standing.stuck == (isStuck ? 1 : 0))
  }

  @Test(
    "A latest action in milliseconds counts as in seconds", arguments: ["\(now - 7199)500", "\"\(now - 7199)999\""])
  func milliseconds(_ timestamp: String) throws {
    let standing = try Self.standing([Self.record("Sent ", timestamp)])
    #expect(standing.underWay == 1 && standing.changesAt == Self.now + 1)
  }

  @Test(
    "A final one is none of these",
    arguments: ["read", "failed", "noAccount", "notInGroup", "noActiveSession", " READ"])
  func final(_ status: String) throws {
    #expect(try Self.standing([Self.record(status, "\(Self.now)")]) == Standing())
  }

  @Test(
    "One whose latest action can't be told is open and no more, however old it is",
    arguments: [nil, "0", "-5", "null", #""soon""#, "\(Int64.max)", "4294967296"])
  func undated(_ timestamp: String?) throws {
    let standing = try Self.standing([Self.record("sent", timestamp)])
    #expect(standing.open == 1 && standing.underWay == 0 && standing.stuck == 0 && standing.changesAt == nil)
  }

  @Test("It tells until when the same records stand the same")
  func changesAt() throws {
    let elements = [
      Self.record("sent", "\(Self.now - 100)"), Self.record("delivered", "\(Self.now - 300)"),
      Self.record("read", "\(Self.now - 7000)"), Self.record("pending", "\(Self.now - 9000)"),
      Self.record("sent", "\(Self.now + 7500)"),
    ]
    var time = Self.now
    var standings = [try Self.standing(elements, at: time)]
    while let next = standings.last?.changesAt, standings.count < 10 {
      #expect(try Self.standing(elements, at: next - 1) == standings.last)
      time = next
      standings.append(try Self.standing(elements, at: time))
    }
    #expect(standings.map(\.underWay) == [2, 3, 2, 1, 0])
    #expect(standings.map(\.stuck) == [1, 1, 1, 2, 3])
    #expect(standings.allSatisfy { $0.open == 4 })
    #expect(time == Self.now + 7500 + Self.hours)
  }

  @Test("Of an answer that shows only some of what was known those are counted, and it says so")
  func parts() throws {
    let (a, b) = (Self.record("sent", "\(Self.now)"), Self.record("delivered", "\(Self.now - 1)"))
    let known = try Self.read("[\(a),\(b)]").knownRecords
    let part = try Self.read("[\(b)]", knowing: known)
    #expect(part.knownCount == 1 && !part.hasAllKnown && part.isAllKnownNext)
    #expect(part.knownStanding(at: Self.now).open == 1)
    let more = try Self.read("[\(a),\(b),\(Self.record("pending", nil))]", knowing: known)
    #expect(more.hasAllKnown && more.isAllKnownNext)
    #expect(more.knownStanding(at: Self.now).underWay == 2)
    let long = #"{"idMessage":"L","statusMessage":"sent","x":"\#(String(repeating: "x", count: 200_000))"}"#
    let unknowable = try Self.read("[\(a),\(b),\(long)]", knowing: known)
    #expect(unknowable.hasAllKnown && !unknowable.isAllKnownNext)
  }
}
