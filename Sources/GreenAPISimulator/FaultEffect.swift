import GreenAPI

extension Fault.Effect {
  /// Spoils the answer to a request.
  func apply(to answer: inout Answer, _ request: MethodRequest) {
    switch self {
    case .emptyArray: answer.replaceBody([] as JSON)
    case .recordsWithoutIDs:
      guard let records = answer.records else { return }
      answer.replaceRecords(records.map { _ in Self.recordWithoutID })
      answer.shown = []
    case .badRecords(let count):
      guard let records = answer.records else { return }
      answer.replaceRecords(Self.mixing(count, into: records))
    case .status(let status, let body):
      answer.become(body.map { Answer(status: status, text: $0) } ?? .documented(status, request.method))
    case .error(let error, let form): answer.become(error.answer(request.method, path: request.path, as: form))
    case .html:
      answer.contentType = "text/html; charset=utf-8"
      let page = "<!DOCTYPE html><html><head><title>GREEN-API</title></head><body><h1>Be back soon</h1></body></html>"
      answer.replaceBody(Answer.Body(Array(page.utf8)))
    case .garbage: answer.replaceBody(Answer.Body([0xFF, 0xFE, 0x00, 0x9D, 0x5B, 0x7B, 0xC0, 0x80, 0x22, 0xED, 0xA0]))
    case .null: answer.replaceBody(.null)
    case .object: answer.replaceBody(["message": "not what was asked for"])
    case .truncated:
      answer.shown = []
      answer.delivery = .truncated
    case .huge(let megabytes):
      let spaces = [UInt8](repeating: UInt8(ascii: " "), count: 65_536)
      answer.replaceBody(
        Answer.Body(
          head: [UInt8(ascii: "[")], unit: spaces, unitCount: Self.bytes(megabytes) / spaces.count,
          tail: [UInt8(ascii: "]")]))
    case .gzipBomb(let megabytes):
      let bomb = GzipBomb(unpackingTo: Self.bytes(megabytes))
      answer.replaceBody(
        Answer.Body(head: bomb.head, unit: GzipBomb.unit, unitCount: bomb.unitCount, tail: bomb.tail))
      answer.contentEncoding = "gzip"
    case .slow(let bytesPerSecond): answer.delivery = .slow(bytesPerSecond: max(1, bytesPerSecond))
    case .silence:
      answer.shown = []
      answer.delivery = .silence
    case .hangUp:
      answer.shown = []
      answer.delivery = .hangUp
    case .dateOffset(let seconds): answer.dateOffset += seconds
    }
  }

  private static func bytes(_ megabytes: Int) -> Int { min(max(megabytes, 0), Fault.maximumMegabytes) * 1_048_576 }

  /// As seen in real journals: green-api/issues #628.
  private static let recordWithoutID: JSON = ["type": "outgoing", "typeMessage": ""]

  private static let badRecords: [JSON] = [
    recordWithoutID,
    ["type": "outgoing", "idMessage": "BAE5BAD000000001", "timestamp": 1_710_134_811, "statusMessage": ""],
    ["type": "outgoing", "idMessage": "BAE5BAD000000002", "timestamp": 1_710_134_811],
    "not an object",
    ["idMessage": ["nested"], "statusMessage": true],
    .null,
  ]

  /// Bad ones in turn, before each good one and after the last.
  private static func mixing(_ count: Int, into records: [JSON]) -> [JSON] {
    let count = min(max(count, 0), 100_000)
    var mixed: [JSON] = []
    for place in 0..<max(count, records.count) {
      if place < count { mixed.append(badRecords[place % badRecords.count]) }
      if place < records.count { mixed.append(records[place]) }
    }
    return mixed
  }
}

extension Answer {
  fileprivate mutating func become(_ other: Answer) {
    status = other.status
    contentType = other.contentType
    replaceBody(other.body)
  }

  /// Another body instead, so that nothing of the real one is shown.
  fileprivate mutating func replaceBody(_ body: Body) {
    self.body = body
    contentEncoding = nil
    shown = []
    records = nil
  }

  fileprivate mutating func replaceBody(_ json: JSON) { replaceBody(Body(json.bytes)) }

  fileprivate mutating func replaceRecords(_ records: [JSON]) {
    self.records = records
    body = Body(JSON.array(records).bytes)
  }
}
