/// The number that names one GREEN-API instance: an integer of 1 to 10 digits, never zero.
public struct IDInstance: RawRepresentable, Hashable, Comparable, Sendable, Codable {
  public let rawValue: Int64

  /// The largest value of ten digits.
  public static let upperBound: Int64 = 9_999_999_999

  /// `nil` outside 1...``upperBound``.
  public init?(rawValue: Int64) {
    guard (1...Self.upperBound).contains(rawValue) else { return nil }
    self.rawValue = rawValue
  }

  public static func < (a: Self, b: Self) -> Bool { a.rawValue < b.rawValue }
}

extension IDInstance: LosslessStringConvertible {
  public init?(_ description: String) {
    guard description.utf8.count <= 10, description.utf8.allSatisfy({ (0x30...0x39).contains($0) }),
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
