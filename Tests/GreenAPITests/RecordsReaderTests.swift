import Foundation
import Testing

@testable import GreenAPI

/// How many histories each test goes through.
private let seedCount = ProcessInfo.processInfo.environment["STATUSRELAY_SEEDS"].flatMap { Int($0) } ?? 150

/// A reader held against one that knows nothing and gets the body in one piece.
@Suite struct RecordsReaderTests {
  private struct Disagreement: Error {
    var seed: UInt64
    var what: String
    /// Base64 of the body.
    var body: String
  }

  /// Reads a body in pieces that end at these places.
  private static func read(
    _ body: [UInt8], knowing known: KnownRecords = KnownRecords(), cutAt cuts: [Int] = []
  ) throws(AnswerFault) -> ReadAnswer {
    try reader(body, knowing: known, cutAt: cuts).finish()
  }

  private static func reader(
    _ body: [UInt8], knowing known: KnownRecords = KnownRecords(), cutAt cuts: [Int] = []
  ) -> RecordsReader {
    var reader = RecordsReader(knowing: known)
    var start = 0
    for cut in cuts.sorted() + [body.count] {
      reader.take(body.span.extracting(start..<cut))
      start = cut
    }
    return reader
  }

  private static func cuts(of count: Int, using random: inout SeededGenerator) -> [Int] {
    switch Int.random(in: 0..<4, using: &random) {
    case 0: return []
    case 1: return Array(0..<count)
    case 2: return (0..<3).map { _ in Int.random(in: 0...count, using: &random) }
    default: return Array(stride(from: 0, to: count, by: Int.random(in: 1...500, using: &random)))
    }
  }

  // MARK: Histories

  /// An answer that changes a little from poll to poll.
  private struct History {
    var random: SeededGenerator
    var elements: [String] = []
    var number = 0

    init(seed: UInt64) {
      random = SeededGenerator(seed: seed)
      elements = (0..<Int.random(in: 0..<60, using: &random)).map { _ in element() }
    }

    mutating func pick<Item>(_ items: [Item]) -> Item { items.randomElement(using: &random)! }
    mutating func chance(_ oneIn: Int) -> Bool { Int.random(in: 0..<oneIn, using: &random) == 0 }

    mutating func element() -> String {
      number += 1
      let status = pick([
        "sent", "read", "delivered", "failed", "strange", #"s\u0065nt"#, "Sent", " READ", #"read\n"#, " ",
      ])
      let id = chance(10) ? pick([#"B\u0041E\#(number)"#, " BAE\(number)", #"BAE\#(number)\n "#]) : "BAE\(number)"
      switch Int.random(in: 0..<16, using: &random) {
      case 0: return pick(["1", "null", "[]", "{}", #""{""#, "[[{}],\"]\"]", "12345678901234567890", "-1.5e3", "true"])
      case 1: return #"{"statusMessage":"\#(status)","timestamp":1}"#
      case 2: return #"{"idMessage":"\#(id)","statusMessage":null}"#
      case 3:
        return #"{"idMessage":"\#(id)","nested":{"a":[1,{"b":"]}\"\\"}]},"statusMessage":"\#(status)"}"#
      case 4: return "{ \"idMessage\" : \"\(id)\",\n\t\"statusMessage\" :\"\(status)\" }"
      case 5:
        let text = String(repeating: pick(["x", "é", "😀", #"\n"#]), count: pick([1, 50, 300]))
        return #"{"idMessage":"\#(id)","statusMessage":"\#(status)","description":"\#(text)"}"#
      case 6:
        let type = pick(["outgoing", "Outgoing ", "incoming"])
        return #"{"type":"\#(type)","idMessage":"\#(id)","statusMessage":"\#(status)","timestamp":\#(number)}"#
      case 7:
        return #"{"idMessage":"\#(id)","statusMessage":"\#(status)","timestamp":\#(100_000_000_000 + 1000 * number)}"#
      default: return #"{"idMessage":"\#(id)","statusMessage":"\#(status)","timestamp":\#(number)}"#
      }
    }

    /// What most answers do, and what some might.
    mutating func change() {
      for _ in 0..<pick([0, 0, 1, 1, 1, 2, 5]) {
        guard !elements.isEmpty else {
          elements.append(element())
          continue
        }
        let place = Int.random(in: elements.indices, using: &random)
        switch Int.random(in: 0..<9, using: &random) {
        case 0, 1: elements[place] = element()
        case 2: elements.insert(element(), at: place)
        case 3: elements.append(element())
        case 4: elements.remove(at: place)
        case 5: elements.removeFirst(min(elements.count, pick([1, 3, 20])))
        case 6: elements.insert(elements.remove(at: place), at: chance(2) ? 0 : elements.count)
        case 7: elements.insert(elements[place], at: Int.random(in: elements.indices, using: &random))
        default: elements.shuffle(using: &random)
        }
      }
    }

    mutating func body() -> [UInt8] {
      let comma = pick([",", ",", ",", " , ", ",\r\n  "])
      let array = "[" + pick(["", "", " "]) + elements.joined(separator: comma) + pick(["", "", "\n"]) + "]"
      return [UInt8]((pick(["", "", "", "\u{FEFF}", " "]) + array + pick(["", "", "\n"])).utf8)
    }

    /// Cut off, with something behind it, or with bytes changed.
    mutating func broken(_ body: [UInt8]) -> [UInt8] {
      switch Int.random(in: 0..<4, using: &random) {
      case 0: return Array(body.prefix(Int.random(in: 0...body.count, using: &random)))
      case 1: return body + Array(pick([",", "]", "[]", "x", "\u{0}", "{}", "\u{FEFF}"]).utf8)
      default:
        var writer = AnswerWriter(seed: random.next())
        return writer.mutated(body)
      }
    }
  }

  @Test("Over random histories, cut into random pieces, known and unknown records together are the answer's")
  func histories() async throws {
    var seeds = SystemRandomNumberGenerator()
    for _ in 0..<seedCount {
      let seed = seeds.next()
      var history = History(seed: seed)
      var known = KnownRecords()
      // What is known, in words, to tell which records an answer may pass over.
      var knownRecords: [Record] = []
      for _ in 0..<12 {
        var body = history.body()
        if history.chance(4) { body = history.broken(body) }
        let cuts = Self.cuts(of: body.count, using: &history.random)
        let read = Result { try Self.read(body, knowing: known, cutAt: cuts) }
        let whole = Result { try Self.read(body) }
        func disagree(_ what: String) -> Disagreement {
          Disagreement(seed: seed, what: what, body: Data(body).base64EncodedString())
        }
        switch (read, whole) {
        case (.failure(let ours), .failure(let theirs)):
          guard ours as? AnswerFault == theirs as? AnswerFault else { throw disagree("\(ours), else \(theirs)") }
          guard !JSONModel.takes(body) || (ours as? AnswerFault)?.kind == .notAnArray else { throw disagree("JSON") }
        case (.success(let ours), .success(let theirs)):
          guard JSONModel.takes(body) else { throw disagree("taken, but no JSON") }
          let all = Array(theirs.unknown.records)
          guard ours.count == all.count, ours.unknown.faults == theirs.unknown.faults else {
            throw disagree("\(ours.count) records where there are \(all.count), faults \(ours.unknown.faults)")
          }
          guard Self.isPart(Array(ours.unknown.records), of: all, besides: knownRecords) else {
            throw disagree("\(Array(ours.unknown.records)) of \(all), knowing \(knownRecords)")
          }
          let passed = Self.difference(all, Array(ours.unknown.records))
          // Timestamps are small here, apart from those in milliseconds.
          let time = history.pick([0, 100_000_000]) + Int64.random(in: 0..<10_000, using: &history.random)
          guard ours.knownStanding(at: time) == Self.standing(of: passed, at: time) else {
            throw disagree("standing at \(time): \(ours.knownStanding(at: time))")
          }
          let next = ours.knownRecords
          guard next.digests == theirs.knownRecords.digests, next.forms == theirs.knownRecords.forms,
            next.latestActions == theirs.knownRecords.latestActions
          else {
            throw disagree("what is known by now")
          }
          // Now and then it is not taken over.
          if !history.chance(5) { (known, knownRecords) = (next, all) }
        default: throw disagree("\(read), read as a whole \(whole)")
        }
        history.change()
      }
      await Task.yield()
    }
  }

  private static func standing(of records: [Record], at time: Int64) -> Standing {
    var standing = Standing()
    for record in records {
      let course: Standing.Course =
        record.status.isFinal ? .final : [.pending, .sent].contains(record.status) ? .unpublished : .open
      standing.count(course, latestAction: UInt32(record.timestamp ?? 0), at: time)
    }
    return standing
  }

  /// Whether these are records of the answer, in its order, and all others are known.
  private static func isPart(_ part: [Record], of all: [Record], besides known: [Record]) -> Bool {
    var rest = part[...]
    for record in all where rest.first == record { rest.removeFirst() }
    return rest.isEmpty && Set(difference(all, part)).isSubset(of: known)
  }

  private static func difference(_ all: [Record], _ part: [Record]) -> [Record] {
    var counts = Dictionary(part.map { ($0, 1) }, uniquingKeysWith: +)
    return all.filter { record in
      guard let count = counts[record], count > 0 else { return true }
      counts[record] = count - 1
      return false
    }
  }

  @Test("Random and broken answers are read alike in one piece and in many, with and without something known")
  func mutatedAnswers() async throws {
    var seeds = SystemRandomNumberGenerator()
    for _ in 0..<seedCount {
      let seed = seeds.next()
      var random = SeededGenerator(seed: seed)
      var writer = AnswerWriter(seed: seed)
      let first = writer.answer()
      let known = try Self.read(first).knownRecords
      for _ in 0..<10 {
        let body = writer.mutated(first)
        let read = Result { try Self.read(body, knowing: known, cutAt: Self.cuts(of: body.count, using: &random)) }
        let whole = Result { try RecordsAnswer(decoding: body) }
        let isSame =
          switch (read, whole) {
          case (.success(let ours), .success(let theirs)):
            ours.count == theirs.records.count && ours.unknown.faults == theirs.faults
          case (.failure(let ours), .failure(let theirs)): ours as? AnswerFault == theirs as? AnswerFault
          default: false
          }
        guard isSame else {
          throw Disagreement(
            seed: seed, what: "\(read), read as a whole \(whole)", body: Data(body).base64EncodedString())
        }
      }
      await Task.yield()
    }
  }

  // MARK: The grammar

  private static let known = #"{"idMessage":"A","statusMessage":"sent"}"#

  /// Bodies with a value beside a known element.
  private static func bodies(with value: String) -> [String] {
    ["[\(known),\(value)]", "[\(value),\(known)]", "[\(known),\(value),\(known)]", "[{\"k\":\(value)},\(known)]"]
  }

  @Test("What the grammar has is taken beside what is known, however it is cut", arguments: JSONCases.values)
  func taken(value: String) throws {
    let known = try Self.read([UInt8]("[\(Self.known)]".utf8)).knownRecords
    for text in Self.bodies(with: value) {
      let body = [UInt8](text.utf8)
      for cuts in [[], Array(0..<min(body.count, 300))] {
        let answer = try Self.read(body, knowing: known, cutAt: cuts)
        #expect(answer.knownCount >= 1, "\(text.prefix(200))")
        #expect(answer.count == text.components(separatedBy: Self.known).count - 1)
      }
    }
  }

  @Test("What the grammar has not is refused beside what is known", arguments: JSONCases.brokenValues)
  func refused(value: String) throws {
    let known = try Self.read([UInt8]("[\(Self.known)]".utf8)).knownRecords
    for text in Self.bodies(with: value) {
      let body = [UInt8](text.utf8)
      for cuts in [[], Array(0..<body.count)] {
        #expect(throws: AnswerFault(incompleteJSONOf: body.count), "\(text)") {
          _ = try Self.read(body, knowing: known, cutAt: cuts)
        }
      }
    }
  }

  @Test(
    "Between, before and behind known elements only JSON's own marks may stand",
    arguments: [
      "[KK]", "[K,,K]", "[,K]", "[K,]", "[K", "[K,K", "K", "[K]]", "[K]K", "[K],", "[K}", "[K\u{0}]", "[K\u{A0},K]",
      "[K:K]", "[K K]", "[K]\u{FEFF}", "[[K]", "{K}", "[K]x", "\u{FEFF}\u{FEFF}[K]", "x[K]",
    ])
  func marks(text: String) throws {
    let known = try Self.read([UInt8]("[\(Self.known)]".utf8)).knownRecords
    let body = [UInt8](text.replacing("K", with: Self.known).utf8)
    for cuts in [[], Array(0..<body.count)] {
      let whole = Result { try Self.read(body) }
      let read = Result { try Self.read(body, knowing: known, cutAt: cuts) }
      let faults = [whole, read].map { result -> AnswerFault? in
        if case .failure(let fault) = result { fault as? AnswerFault } else { nil }
      }
      #expect(faults[0] != nil, "\(text)")
      #expect(faults[0] == faults[1], "\(text)")
    }
  }

  @Test("An element is known only where it ends as it did: not as the beginning of a longer one")
  func prefixes() throws {
    let digits = String(repeating: "1", count: 20)
    let known = try Self.read([UInt8]("[\(digits),\"\(digits)\",\(Self.known)]".utf8)).knownRecords
    #expect(known.count == 1)
    for text in ["[\(digits)1]", "[\(digits)e5]", "[\"\(digits)\"]"] {
      #expect(try Self.read([UInt8](text.utf8), knowing: known).unknown.faults == [.notAnObject: 1])
    }
  }

  // MARK: What is passed over

  private static func record(_ number: Int, _ status: String = "sent") -> String {
    #"{"idMessage":"BAE\#(number)","statusMessage":"\#(status)","timestamp":\#(1_000_000 + number)}"#
  }

  private static func body(_ records: [String]) -> [UInt8] { [UInt8]("[\(records.joined(separator: ","))]".utf8) }

  /// How the answer after one with 2,000 records differs, and how many are looked at then.
  enum Change: CaseIterable {
    case none, one, inARow, everyOther, inserted, insertedTwo, front, many, back, all, movedAhead, movedBack, swapped,
      faulty

    var unknown: Int {
      switch self {
      case .none, .front, .back, .movedAhead, .movedBack: 0
      case .one, .inserted, .swapped: 1
      case .insertedTwo: 2
      case .inARow: 100
      case .everyOther: 1000
      // Found with the eighth search, for 128 · 8 elements.
      case .many: 7
      case .all: 2000
      case .faulty: 0
      }
    }
  }

  @Test("Of the usual changes only what has changed is looked at", arguments: Change.allCases)
  func changes(change: Change) throws {
    let before = (0..<2000).map { Self.record($0) }
    var after = before
    switch change {
    case .none: break
    case .one: after[700] = Self.record(700, "read")
    case .inARow: for place in 500..<600 { after[place] = Self.record(place, "delivered") }
    case .everyOther: for place in stride(from: 0, to: 2000, by: 2) { after[place] = Self.record(place, "read") }
    case .inserted: after.insert(Self.record(5000), at: 0)
    case .insertedTwo: after.insert(contentsOf: [Self.record(5000), Self.record(5001)], at: 900)
    case .front: after.removeFirst(100)
    case .many: after.removeFirst(1000)
    case .back: after.removeLast(500)
    case .all: after = (0..<2000).map { Self.record($0, "delivered") }
    case .movedAhead: after.insert(after.remove(at: 90), at: 0)
    case .movedBack: after.append(after.remove(at: 0))
    case .swapped: after.swapAt(10, 50)
    case .faulty: for place in stride(from: 0, to: 2000, by: 100) { after.insert("{}", at: place) }
    }
    let known = try Self.read(Self.body(before)).knownRecords
    #expect(known.count == 2000)
    let body = Self.body(after)
    for cuts in [[], Array(stride(from: 0, to: body.count, by: 1000))] {
      let answer = try Self.read(body, knowing: known, cutAt: cuts)
      #expect(answer.unknown.records.count == change.unknown)
      #expect(answer.count == after.count(where: { $0 != "{}" }))
      let again = try Self.read(body, knowing: answer.knownRecords, cutAt: cuts)
      #expect(again.knownCount == answer.count)
      #expect(again.unknown.records.isEmpty)
    }
  }

  @Test("An element too short or too long for a digest is looked at each time, and the rest is known")
  func lengths() throws {
    let long = #"{"idMessage":"L","statusMessage":"sent","x":"\#(String(repeating: "y", count: 200_000))"}"#
    let body = Self.body([Self.record(1), long, Self.record(2), "{}", "{}", Self.record(3)])
    let known = try Self.read(body).knownRecords
    #expect(known.count == 3)
    for cuts in [[], Array(stride(from: 0, to: body.count, by: 16_384))] {
      let answer = try Self.read(body, knowing: known, cutAt: cuts)
      #expect(answer.knownCount == 3)
      #expect(answer.unknown.records.map(\.idMessage) == ["L"])
      #expect(answer.unknown.faults == [.missingIDMessage: 2])
    }
  }

  // MARK: Effort

  /// Bodies that make guesses wrong, and waits long.
  static let hard: [(name: String, known: [String], body: [String])] = {
    let records = (0..<3000).map { record($0) }
    let large = (0..<50).map { #"{"idMessage":"L\#($0)","statusMessage":"sent","x":"\#(filler(100_000))"}"# }
    return [
      ("in another order", records, records.shuffled()),
      ("backwards", records, records.reversed()),
      ("all others", records, (3000..<6000).map { record($0) }),
      ("small ones in place of large ones", large, (0..<3000).map { record($0) }),
      ("nothing in place of large ones", large, Array(repeating: "{}", count: 20_000)),
      ("numbers in place of large ones", large, Array(repeating: "1", count: 40_000)),
      ("large ones in place of small ones", records, large),
      ("the same again and again", [record(1)] + large, Array(repeating: record(1), count: 3000)),
      ("two by turns", [record(1), record(2)] + large, (0..<3000).map { record($0 % 2) }),
    ]
  }()

  private static func filler(_ count: Int) -> String { String(repeating: "z", count: count) }

  @Test("Whatever comes takes linear time", arguments: hard.indices, [1 << 20, 16_384, 997])
  func linear(index: Int, piece: Int) throws {
    let (name, known, elements) = Self.hard[index]
    let body = Self.body(elements)
    let reader = Self.reader(
      body, knowing: try Self.read(Self.body(known)).knownRecords,
      cutAt: Array(stride(from: 0, to: body.count, by: piece)))
    let effort = reader.effort
    #expect(effort.vainBytes <= body.count + ElementDigester.counts.upperBound, "\(name)")
    // Each look at an element that is not all there sees twice as much of it.
    #expect(effort.readBytes <= 3 * body.count, "\(name)")
    #expect(effort.comparisons <= 256 * elements.count, "\(name)")
    #expect(try reader.finish().count == elements.count(where: { $0.count > 5 }))
  }

  @Test("Of a body that is broken early nothing is kept or looked at any more")
  func brokenEarly() throws {
    var reader = RecordsReader()
    reader.take([UInt8](#"[{"a":x                     "#.utf8).span)
    let effort = reader.effort.readBytes
    for _ in 0..<100 { reader.take([UInt8](Self.filler(10_000).utf8).span) }
    #expect(reader.effort.readBytes == effort)
    #expect(throws: AnswerFault.self) { _ = try reader.finish() }
  }
}
