import Collections

/// Log lines on their way to a writer that may be slow or stand still: a bounded number of them, the grave ones kept longest.
///
/// When a line doesn't fit, the oldest of the least severe ones makes room for it: debug lines go first, errors last. A line less severe
/// than all that are there is not taken in. What is given up is counted by severity.
///
/// Adding and taking out take constant time, for there are ``severities`` queues and no more.
///
/// Invariant: within one queue the numbers ascend, so the line that came first is at the head of one of the queues.
public struct LogRing<Line: Sendable>: Sendable {
  /// The most lines kept, at least one.
  public let mostLines: Int
  /// The most bytes kept, by what ``append(_:severity:bytes:)`` is told of each line.
  public let mostBytes: Int

  private struct Entry: Sendable {
    var number: UInt64
    var bytes: Int
    var line: Line
  }

  private var queues = [Deque<Entry>](repeating: [], count: severities)
  private var bytes = 0
  private var latest: UInt64 = 0
  /// How many lines there are.
  public private(set) var count = 0
  /// How many lines were given up, by severity.
  public private(set) var lost = [Int](repeating: 0, count: severities)

  /// How many severities there are: swift-log's seven levels, trace is 0 and critical 6.
  public static var severities: Int { 7 }

  public init(mostLines: Int, mostBytes: Int) {
    self.mostLines = max(1, mostLines)
    self.mostBytes = mostBytes
  }

  public var isEmpty: Bool { count == 0 }

  /// Adds a line, or counts it as lost.
  /// - Parameters:
  ///   - severity: 0..<``severities``.
  ///   - bytes: about what it takes in memory.
  public mutating func append(_ line: Line, severity: Int, bytes: Int) {
    while count >= mostLines || self.bytes + bytes > mostBytes {
      guard let least = queues.firstIndex(where: { !$0.isEmpty }), least <= severity else {
        lost[severity] += 1
        return
      }
      drop(from: least)
    }
    latest += 1
    queues[severity].append(Entry(number: latest, bytes: bytes, line: line))
    self.bytes += bytes
    count += 1
  }

  /// Takes the line out that came first.
  public mutating func popFirst() -> Line? {
    var first: (queue: Int, number: UInt64)?
    for (queue, entries) in queues.enumerated() {
      guard let number = entries.first?.number, first.map({ number < $0.number }) ?? true else { continue }
      first = (queue, number)
    }
    guard let first else { return nil }
    return remove(from: first.queue).line
  }

  /// Counts a line as lost that was taken out and could not be written.
  public mutating func lose(severity: Int) { lost[severity] += 1 }

  private mutating func drop(from queue: Int) {
    _ = remove(from: queue)
    lost[queue] += 1
  }

  private mutating func remove(from queue: Int) -> Entry {
    let entry = queues[queue].removeFirst()
    bytes -= entry.bytes
    count -= 1
    return entry
  }
}
