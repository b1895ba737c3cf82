import GreenAPI

/// The faults as the control API names them: `{"fault":"status","status":503,"methods":["getOutgoingStatuses"],"times":3}`.
extension Fault: Codable {
  private enum Keys: String, CodingKey, CaseIterable {
    case fault, methods, times, probability
    case status, body, error, form, count, megabytes, bytesPerSecond, seconds
  }

  private enum Name: String, CaseIterable, Codable {
    case emptyArray, recordsWithoutIDs, badRecords, status, error, html, garbage, null, object, truncated, huge,
      gzipBomb,
      slow, silence, hangUp, dateOffset
  }

  public init(from decoder: any Decoder) throws {
    let fields = try decoder.fields(Keys.self)
    func number(_ key: Keys, _ range: ClosedRange<Int>) throws -> Int {
      let number = try fields.decode(Int.self, forKey: key)
      guard range.contains(number) else {
        throw DecodingError.dataCorruptedError(
          forKey: key, in: fields,
          debugDescription: "\(key.rawValue) is \(number); expected \(range.lowerBound) to \(range.upperBound)")
      }
      return number
    }
    let given = try fields.decode(String.self, forKey: .fault)
    guard let name = Name(rawValue: given) else {
      let known = Name.allCases.map(\.rawValue).joined(separator: ", ")
      throw DecodingError.dataCorruptedError(
        forKey: .fault, in: fields, debugDescription: "unknown fault \"\(given)\"; expected one of \(known)")
    }
    let effect: Effect =
      switch name {
      case .emptyArray: .emptyArray
      case .recordsWithoutIDs: .recordsWithoutIDs
      case .badRecords: .badRecords(try number(.count, 1...100_000))
      case .status:
        .status(try number(.status, 200...599), body: try fields.decodeIfPresent(String.self, forKey: .body))
      case .error:
        .error(
          try fields.decode(ErrorAnswer.self, forKey: .error),
          as: try fields.decodeIfPresent(ErrorAnswer.Form.self, forKey: .form) ?? .usual)
      case .html: .html
      case .garbage: .garbage
      case .null: .null
      case .object: .object
      case .truncated: .truncated
      case .huge: .huge(megabytes: try number(.megabytes, 1...Self.maximumMegabytes))
      case .gzipBomb: .gzipBomb(megabytes: try number(.megabytes, 1...Self.maximumMegabytes))
      case .slow: .slow(bytesPerSecond: try number(.bytesPerSecond, 1...1_000_000_000))
      case .silence: .silence
      case .hangUp: .hangUp
      case .dateOffset: .dateOffset(seconds: try number(.seconds, -1_000_000_000...1_000_000_000))
      }
    let methods = try fields.decodeIfPresent([String].self, forKey: .methods)
    let known = try methods?.map { name in
      guard let method = APIMethod(rawValue: name) else {
        let expected = APIMethod.allCases.map(\.rawValue).joined(separator: ", ")
        throw DecodingError.dataCorruptedError(
          forKey: .methods, in: fields, debugDescription: "unknown method \"\(name)\"; expected some of \(expected)")
      }
      return method
    }
    self.init(
      effect, methods: known.map(Set.init), times: try fields.decodeIfPresent(Int.self, forKey: .times),
      probability: try fields.decodeIfPresent(Double.self, forKey: .probability) ?? 1)
  }

  public func encode(to encoder: any Encoder) throws {
    var fields = encoder.container(keyedBy: Keys.self)
    try fields.encode(name, forKey: .fault)
    switch effect {
    case .badRecords(let count): try fields.encode(count, forKey: .count)
    case .status(let status, let body):
      try fields.encode(status, forKey: .status)
      try fields.encodeIfPresent(body, forKey: .body)
    case .error(let error, let form):
      try fields.encode(error, forKey: .error)
      if form != .usual { try fields.encode(form, forKey: .form) }
    case .huge(let megabytes), .gzipBomb(let megabytes): try fields.encode(megabytes, forKey: .megabytes)
    case .slow(let bytesPerSecond): try fields.encode(bytesPerSecond, forKey: .bytesPerSecond)
    case .dateOffset(let seconds): try fields.encode(seconds, forKey: .seconds)
    case .emptyArray, .recordsWithoutIDs, .html, .garbage, .null, .object, .truncated, .silence, .hangUp: break
    }
    try fields.encodeIfPresent(methods?.map(\.rawValue).sorted(), forKey: .methods)
    try fields.encodeIfPresent(remaining, forKey: .times)
    if probability < 1 { try fields.encode(probability, forKey: .probability) }
  }

  private var name: Name {
    switch effect {
    case .emptyArray: .emptyArray
    case .recordsWithoutIDs: .recordsWithoutIDs
    case .badRecords: .badRecords
    case .status: .status
    case .error: .error
    case .html: .html
    case .garbage: .garbage
    case .null: .null
    case .object: .object
    case .truncated: .truncated
    case .huge: .huge
    case .gzipBomb: .gzipBomb
    case .slow: .slow
    case .silence: .silence
    case .hangUp: .hangUp
    case .dateOffset: .dateOffset
    }
  }
}
