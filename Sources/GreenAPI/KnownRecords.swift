/// What is left of the records of an answer that was taken over, by which a ``RecordsReader`` knows them again in the next one:
/// sixteen bytes each, in the array's order.
///
/// An element has no place here, and is looked at each time, when it is no usable record, or shorter or longer than there are digests of
/// (``ElementDigester``). All others are objects: an object ends where its bytes say, so that what has the same bytes is the same
/// element, whatever comes behind it.
public struct KnownRecords: Sendable {
  private(set) var digests: [UInt64] = []
  /// Four times the length in bytes, plus the record's ``Standing/Course``.
  private(set) var forms: [UInt32] = []
  /// As in the records' places.
  private(set) var latestActions: [UInt32] = []

  public init() {}

  public var count: Int { digests.count }

  @inline(__always)
  func length(at place: Int) -> Int { Int(forms[place] >> 2) }

  /// Counts some of the records.
  func count(_ places: Range<Int>, into standing: inout Standing, at answer: Int64) {
    for place in places {
      guard let course = Standing.Course(rawValue: UInt8(forms[place] & 3)), course != .final else { continue }
      standing.count(course, latestAction: latestActions[place], at: answer)
    }
  }

  mutating func reserveCapacity(_ count: Int) {
    digests.reserveCapacity(count)
    forms.reserveCapacity(count)
    latestActions.reserveCapacity(count)
  }

  mutating func append(_ digest: UInt64, length: Int, course: Standing.Course, latestAction: UInt32) {
    digests.append(digest)
    forms.append(UInt32(length) << 2 | UInt32(course.rawValue))
    latestActions.append(latestAction)
  }

  mutating func append(_ places: Range<Int>, of others: KnownRecords) {
    digests += others.digests[places]
    forms += others.forms[places]
    latestActions += others.latestActions[places]
  }
}
