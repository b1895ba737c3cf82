/// What is left of the records of an answer that was taken over, by which a ``RecordsReader`` knows them again in the next one: twelve
/// bytes each, in the array's order.
///
/// An element has no place here, and is looked at each time, when it is no usable record, or shorter or longer than there are digests of
/// (``ElementDigester``). All others are objects: an object ends where its bytes say, so that what has the same bytes is the same
/// element, whatever comes behind it.
public struct KnownRecords: Sendable {
  private(set) var digests: [UInt64] = []
  /// Twice the length in bytes, and one more when the record's status may still change.
  private(set) var forms: [UInt32] = []

  public init() {}

  public var count: Int { digests.count }

  @inline(__always)
  func length(at place: Int) -> Int { Int(forms[place] >> 1) }

  func isUnderWay(at place: Int) -> Bool { forms[place] & 1 == 1 }

  mutating func reserveCapacity(_ count: Int) {
    digests.reserveCapacity(count)
    forms.reserveCapacity(count)
  }

  mutating func append(_ digest: UInt64, length: Int, isUnderWay: Bool) {
    digests.append(digest)
    forms.append(UInt32(length) << 1 | (isUnderWay ? 1 : 0))
  }

  mutating func append(_ places: Range<Int>, of others: KnownRecords) {
    digests += others.digests[places]
    forms += others.forms[places]
  }
}
