/// The number that names one GREEN-API instance: an integer of 1 to 18 digits, never zero.
///
/// GREEN-API's documentation says 1 to 10 digits; instances made since July 2026 have 12, such as `710700000042`. It is an
/// int64 in JSON, which holds any number of 18 digits.
public struct IDInstance: RawRepresentable, Hashable, Comparable, Sendable, Codable {
  public let rawValue: Int64

  /// The largest value of 18 digits.
  public static let upperBound: Int64 = 999_999_999_999_999_999

  /// `nil` outside 1...``upperBound``.
  public init?(rawValue: Int64) {
    guard (1...Self.upperBound).contains(rawValue) else { return nil }
    self.rawValue = rawValue
  }

  public static func < (a: Self, b: Self) -> Bool { a.rawValue < b.rawValue }
}

extension IDInstance: LosslessStringConvertible {
  public init?(_ description: String) {
    guard description.utf8.count <= 18, description.utf8.allSatisfy({ (0x30...0x39).contains($0) }),
      let number = Int64(description)
    else { return nil }
    self.init(rawValue: number)
  }

  public var description: String { String(rawValue) }
}

extension IDInstance: ExpressibleByIntegerLiteral {
  /// For tests and examples; traps outside 1...``upperBound``.
  public init(integerLiteral value: Int64) {
    guard let id = IDInstance(rawValue: value) else { preconditionFailure("\(value) is no idInstance") }
    self = id
  }
}
