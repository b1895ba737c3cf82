/// Reads an answer's body piece by piece as it arrives, and keeps of it only what is not known: most answers show what the one before
/// showed, but for a few records.
///
/// At the start of each element it guesses that the next one known comes. If as many bytes as that is long have its digest, it is that
/// one, and nothing more is done. If not, the element is read, and its own digest made, by which it may still be found to be another
/// one of those known.
///
/// - An element changed in place: the one behind it is guessed next.
/// - One inserted: what comes next is found to be the one that was expected before.
/// - Some dropped: what comes next is found further on, and all goes on from there.
/// - One moved: the same, but behind it goes on what was expected before, see ``left``.
/// - Anything else costs time, and nothing but time.
///
/// A body is taken if all of it is JSON (RFC 8259) and an array: what is known was read before, and all the rest is read here.
///
/// It takes linear time: a byte is copied once or twice at most, the bytes looked at for wrong guesses are never many more than those of
/// the body (``Effort``), and when the end of an element is not there yet, the next look waits until twice as many bytes are.
public struct RecordsReader: Sendable {
  private let known: KnownRecords
  private let digester = ElementDigester.shared

  // What is read.
  private var stage = Stage.start
  /// Of the body so far.
  public private(set) var byteCount = 0
  /// The bytes from the start of what could not be read yet to the end of the piece before.
  private var carry: [UInt8] = []
  /// How many of them there must be before it is worth another look.
  private var wanted = 0
  /// Whether what comes next is not the element guessed.
  private var isGuessedInVain = false
  /// A text that is no array, or what may be its beginning.
  private var otherText: [UInt8] = []

  // Where it is among what is known.
  /// Behind the last element that was known.
  private var expected = 0
  /// Records unknown since then, apart from those without a digest.
  private var unknownInRow = 0
  /// What was expected before the last leap ahead: if that was to an element that has moved, it goes on here, or behind it if both have
  /// changed places.
  private var left = 0

  // What comes of it.
  private var runs: [Run] = []
  /// Where the run of known elements that ends before ``expected`` begins.
  private var runStart = 0
  private var unknown = RecordsAnswer()
  /// Of those unknown records that have a digest.
  private var digests = KnownRecords()
  private(set) var effort = Effort()

  /// - Parameter known: of an answer that was taken over. What it holds is taken for read.
  public init(knowing known: KnownRecords = KnownRecords()) { self.known = known }

  /// Known elements in a row, and how many unknown records with a digest follow.
  struct Run {
    var known: Range<Int>
    var unknown: Int
  }

  private enum Stage {
    /// Before a byte order mark.
    case start
    case beforeArray
    case beforeFirstElement
    case beforeElement
    case afterElement
    case afterArray
    case otherText
    case broken
  }

  /// What was done beyond looking at every byte once.
  struct Effort {
    /// Bytes whose digest was made for a guess that was wrong.
    var vainBytes = 0
    /// Bytes of elements that were read, or could not be as they were not all there.
    var readBytes = 0
    /// Known elements that an unknown one was held against.
    var comparisons = 0
  }

  /// Known elements among which the first unknown one in a row is looked for; twice as many for the second, the fourth, and so on, so
  /// that what was dropped is leapt over however much it is, and each unknown element costs the same in the long run.
  private static let firstReach = 128

  // MARK: Pieces

  /// Takes the next bytes of the body.
  public mutating func take(_ piece: Span<UInt8>) {
    byteCount += piece.count
    var position = 0
    while !carry.isEmpty {
      let more = min(wanted - carry.count, piece.count - position)
      if more > 0 {
        carry.append(contentsOf: piece.extracting(position..<position + more))
        position += more
      }
      guard carry.count >= wanted else { return }
      var carried = carry
      carry = []
      let unread = carried.count - read(carried.span, isLast: false)
      if unread <= position {
        // What is left is the piece's: on from there where it lies.
        position -= unread
        carried.removeAll(keepingCapacity: true)
      } else {
        carried.removeFirst(carried.count - unread)
      }
      carry = carried
    }
    let unread = piece.extracting(position...)
    let done = read(unread, isLast: false)
    carry.append(contentsOf: unread.extracting(done...))
  }

  /// Ends the body.
  /// - Throws: ``AnswerFault`` when the body as a whole can't be used.
  public consuming func finish() throws(AnswerFault) -> ReadAnswer {
    guard byteCount <= Records.maximumBodyLength else {
      throw AnswerFault(kind: .notJSON, detail: "the body (\(byteCount) bytes) is too large to be read")
    }
    let carried = carry
    _ = read(carried.span, isLast: true)
    switch stage {
    case .afterArray: break
    case .start, .beforeArray, .otherText:
      let kind: AnswerFault.Kind = JSONScanner.isText(otherText.span) ? .notAnArray : .notJSON
      throw AnswerFault(kind, in: otherText, byteCount: byteCount)
    default: throw AnswerFault(incompleteJSONOf: byteCount)
    }
    runs.append(Run(known: runStart..<expected, unknown: unknownInRow))
    return ReadAnswer(unknown: unknown, known: known, runs: runs, unknownDigests: digests)
  }

  // MARK: Between the elements

  /// Reads as far as what is there tells.
  /// - Returns: how many of the bytes are done with. The others are to be given again with more behind them, ``wanted`` in all.
  private mutating func read(_ bytes: Span<UInt8>, isLast: Bool) -> Int {
    var scanner = JSONScanner()
    while true {
      switch stage {
      case .start:
        guard isLast || bytes.count >= 3 || bytes.count > 0 && bytes[0] != 0xEF else {
          wanted = 3
          return 0
        }
        scanner.skipByteOrderMark(in: bytes)
        stage = .beforeArray
      case .beforeArray:
        scanner.skipWhitespace(in: bytes)
        otherText.append(contentsOf: bytes.extracting(first: scanner.position))
        guard scanner.position < bytes.count else { return bytes.count }
        if bytes[scanner.position] == UInt8(ascii: "[") {
          otherText = []
          scanner.position += 1
          stage = .beforeFirstElement
        } else {
          stage = .otherText
        }
      case .beforeFirstElement:
        scanner.skipWhitespace(in: bytes)
        guard scanner.position < bytes.count else { return bytes.count }
        if bytes[scanner.position] == .closingBracket {
          scanner.position += 1
          stage = .afterArray
        } else {
          stage = .beforeElement
        }
      case .beforeElement:
        scanner.skipWhitespace(in: bytes)
        if unknownInRow == 0, mayGuess { passExpected(in: bytes, &scanner.position) }
        guard stage == .beforeElement else { continue }
        scanner.skipWhitespace(in: bytes)
        guard scanner.position < bytes.count else { return bytes.count }
        guard readElement(&scanner, in: bytes, isLast: isLast) else { return scanner.position }
        isGuessedInVain = false
      case .afterElement:
        scanner.skipWhitespace(in: bytes)
        guard scanner.position < bytes.count else { return bytes.count }
        switch bytes[scanner.position] {
        case .comma: stage = .beforeElement
        case .closingBracket: stage = .afterArray
        default: stage = .broken
        }
        scanner.position += 1
      case .afterArray:
        scanner.skipWhitespace(in: bytes)
        guard scanner.position < bytes.count else { return bytes.count }
        stage = .broken
      case .otherText:
        otherText.append(contentsOf: bytes.extracting(scanner.position...))
        return bytes.count
      case .broken:
        return bytes.count
      }
    }
  }

  // MARK: Elements

  /// Guesses that have cost more than all the rest are not worth it: they are the wrong ones.
  private var mayGuess: Bool { !isGuessedInVain && effort.vainBytes <= byteCount }

  /// Passes elements as long as they come as expected, in compact JSON: nearly all of them.
  @inline(__always)
  private mutating func passExpected(in bytes: Span<UInt8>, _ position: inout Int) {
    let known = known
    let digester = digester
    let raw = bytes.bytes
    var place = expected
    defer { expected = place }
    while place < known.count {
      let length = known.length(at: place)
      let end = position &+ length
      // With what comes behind it.
      guard end < bytes.count, bytes[position] == UInt8(ascii: "{") else { return }
      guard digester.digest(raw, from: position, count: length) == known.digests[place] else {
        effort.vainBytes += length
        isGuessedInVain = true
        return
      }
      place &+= 1
      position = end
      guard bytes[end] == .comma else {
        stage = .afterElement
        return
      }
      position &+= 1
    }
  }

  /// Reads the element that begins here.
  /// - Returns: whether it is all there.
  private mutating func readElement(_ scanner: inout JSONScanner, in bytes: Span<UInt8>, isLast: Bool) -> Bool {
    let start = scanner.position
    let isThere = bytes.count - start
    let guess = expected + unknownInRow
    if guess < known.count, mayGuess {
      let length = known.length(at: guess)
      if length <= isThere {
        if digester.digest(bytes.bytes, from: start, count: length) == known.digests[guess] {
          scanner.position += length
          stage = .afterElement
          pass(guess)
          return true
        }
        effort.vainBytes += length
      } else if !isLast {
        wanted = length
        return false
      }
    }
    isGuessedInVain = true
    var rewritten: [UInt8] = []
    do {
      let result = try Records.Place.passed(by: &scanner, in: bytes, rewritten: &rewritten)
      effort.readBytes += scanner.position - start
      // A number that ends here may go on.
      if scanner.position < bytes.count || bytes[start] == UInt8(ascii: "{") {
        stage = .afterElement
        switch result {
        case .success(let place): take(place, start..<scanner.position, of: bytes, rewritten)
        case .failure(let fault): unknown.faults[fault, default: 0] += 1
        }
        return true
      }
    } catch {
      effort.readBytes += scanner.position - start
      // Nothing that is looked at as a whole is longer than this: it is not for want of bytes that it can't be read.
      if bytes.count - scanner.position > Self.longestToken || isLast {
        stage = .broken
        return true
      }
    }
    scanner.position = start
    wanted = 2 * isThere
    return false
  }

  /// The escape of a character, `\u0000`.
  private static let longestToken = 6

  /// Notes that the next element is the known one at a place.
  private mutating func pass(_ place: Int) {
    if unknownInRow != 0 || place != expected {
      runs.append(Run(known: runStart..<expected, unknown: unknownInRow))
      if place != expected, place != expected + unknownInRow { left = expected }
      runStart = place
      unknownInRow = 0
    }
    expected = place + 1
  }

  /// Takes a record that is not the one guessed.
  private mutating func take(
    _ place: Records.Place, _ element: Range<Int>, of bytes: Span<UInt8>, _ rewritten: [UInt8]
  ) {
    // What has no digest is never known, as what is faulty: nothing known stands in its place.
    if ElementDigester.counts.contains(element.count) {
      let digest = digester.digest(bytes.bytes, from: element.lowerBound, count: element.count)
      if let known = knownPlace(of: digest, element.count) { return pass(known) }
      unknownInRow += 1
      digests.append(
        digest, length: element.count, course: place.course, latestAction: place.latestAction)
    }
    unknown.records.append(place, element, of: bytes, rewritten: rewritten)
  }

  /// Where a record stands among those known, as far as it is worth looking.
  private mutating func knownPlace(of digest: UInt64, _ length: Int) -> Int? {
    func isThere(_ place: Int) -> Bool {
      place < known.count && known.digests[place] == digest && known.length(at: place) == length
    }
    // The one guessed too: the guess may have been left out.
    if isThere(expected + unknownInRow) { return expected + unknownInRow }
    if isThere(expected) { return expected }
    if isThere(left) { return left }
    if isThere(left + 1) { return left + 1 }
    let nth = unknownInRow + 1
    guard nth & (nth - 1) == 0 else { return nil }
    let reach = min(Self.firstReach * nth, known.count - expected)
    effort.comparisons += reach
    return (expected..<expected + reach).first(where: isThere)
  }
}
