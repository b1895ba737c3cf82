/// A number that the outbox gives out, as the key of a set or dictionary.
///
/// Nobody outside chooses such numbers, so that there is nobody to choose colliding ones: what Swift's own hash protects from, at some 150
/// instructions a look-up, can't happen. A delivery takes a dozen look-ups; with Swift's hash they were a tenth of our own share of it.
protocol RowNumber: RawRepresentable<Int64>, Hashable {}

extension RowNumber {
  /// What the standard library's tables ask for, see `Hashable._rawHashValue(seed:)`. The seed differs from table to table: one that is
  /// filled in another's order would cluster without it.
  public func _rawHashValue(seed: Int) -> Int {
    // Fibonacci hashing. The tables take the low bits, and the product's good ones are the high ones.
    Int((UInt64(bitPattern: rawValue ^ Int64(seed)) &* 0x9E37_79B9_7F4A_7C15) >> 32)
  }
}
