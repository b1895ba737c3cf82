/// The body of a getOutgoingStatuses or lastOutgoingMessages answer, read leniently: the usable records in the array's order,
/// and how many elements were passed over, by reason.
public struct RecordsAnswer: Hashable, Sendable {
  public internal(set) var records = Records()
  public internal(set) var faults: [RecordFault: Int] = [:]

  init() {}

  /// Reads a body. Numbers given as strings and strings given as numbers are read, unknown fields ignored.
  /// - Throws: ``AnswerFault`` when the body as a whole can't be used.
  public init(decoding body: [UInt8]) throws(AnswerFault) {
    var reader = RecordsReader()
    reader.take(body.span)
    self = try reader.finish().unknown
  }
}

extension RecordsAnswer {
  /// An answer with these records, written out and read as GREEN-API's are: one that no answer could hold is counted as a fault.
  public init(records: [Record] = []) {
    var json = CompactJSON(reservingCapacity: 2 + 256 * records.count)
    json.raw("[")
    for (index, record) in records.enumerated() {
      json.raw(index == 0 ? #"{"idMessage":"# : #",{"idMessage":"#)
      json.string(record.idMessage)
      json.raw(#","statusMessage":"#)
      json.string(record.status.rawValue)
      if let timestamp = record.timestamp { json.raw(#","timestamp":\#(timestamp)"#) }
      json.raw(#","chatId":"#)
      json.string(record.chatId)
      json.raw(#","sendByApi":\#(record.sendByApi),"typeMessage":"#)
      json.string(record.typeMessage)
      if let description = record.description {
        json.raw(#","description":"#)
        json.string(description)
      }
      json.raw("}")
    }
    json.raw("]")
    do { try self.init(decoding: json.bytes) } catch { preconditionFailure("it was just written: \(error)") }
  }
}
