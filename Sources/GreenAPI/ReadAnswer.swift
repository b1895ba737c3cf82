/// An answer as a ``RecordsReader`` has read it: some of its records were known, the others are here.
public struct ReadAnswer: Sendable {
  /// The records that were not known, in the array's order, and the faults of all elements: a faulty one is never known.
  public let unknown: RecordsAnswer
  /// How many records were known.
  public let knownCount: Int

  private let known: KnownRecords
  private let runs: [RecordsReader.Run]
  private let unknownDigests: KnownRecords

  init(
    unknown: RecordsAnswer, known: KnownRecords, runs: [RecordsReader.Run],
    unknownDigests: KnownRecords
  ) {
    self.unknown = unknown
    self.known = known
    self.runs = runs
    self.unknownDigests = unknownDigests
    knownCount = runs.reduce(0) { $0 + $1.known.count }
  }

  /// How many usable records the answer has.
  public var count: Int { knownCount + unknown.records.count }

  /// Whether all that was known is there, and in its order.
  public var hasAllKnown: Bool { runs.count == 1 && knownCount == known.count }

  /// Whether all records will be known once this answer has been taken over: none is too short or too long for that.
  public var isAllKnownNext: Bool { unknownDigests.count == unknown.records.count }

  /// How the records that were known stand. Takes time in their number.
  /// - Parameter answer: when this one was given, in UNIX seconds.
  public func knownStanding(at answer: Int64) -> Standing {
    var standing = Standing()
    for run in runs { known.count(run.known, into: &standing, at: answer) }
    return standing
  }

  /// What is known once this answer has been taken over. Takes time in the size of the answer, unless it knew all of them and no more.
  public var knownRecords: KnownRecords {
    if runs.count == 1, unknownDigests.count == 0, knownCount == known.count { return known }
    // A first answer's need no copy.
    if knownCount == 0 { return unknownDigests }
    var records = KnownRecords()
    records.reserveCapacity(knownCount + unknownDigests.count)
    var place = 0
    for run in runs {
      records.append(run.known, of: known)
      records.append(place..<place + run.unknown, of: unknownDigests)
      place += run.unknown
    }
    return records
  }
}
