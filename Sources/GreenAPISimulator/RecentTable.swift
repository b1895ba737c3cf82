/// Values found by key, kept in the order they came, of which only the most recent ``capacity`` stay.
///
/// Finding and adding cost amortized O(1). When full, the oldest hundredth goes at once, so that making room costs little.
/// Invariant: `positions[keys[i]] == forgotten + i` for every `i`, and `keys` is as long as `values`.
struct RecentTable<Key: Hashable & Sendable, Value: Sendable>: Sendable {
  let capacity: Int
  private(set) var keys: [Key] = []
  private(set) var values: [Value] = []
  private var positions: [Key: Int] = [:]
  /// How many were dropped from the front so far.
  private var forgotten = 0

  init(capacity: Int) {
    precondition(capacity > 0, "a table of \(capacity) values could hold nothing")
    self.capacity = capacity
  }

  var count: Int { values.count }

  /// The value of a key.
  subscript(key: Key) -> Value? { positions[key].map { values[$0 - forgotten] } }

  mutating func add(_ value: Value, for key: Key) {
    precondition(positions[key] == nil, "the key is taken")
    if values.count == capacity { forgetFirst(max(1, capacity / 100)) }
    positions[key] = forgotten + values.count
    keys.append(key)
    values.append(value)
  }

  /// Changes the value of a key in place; `nil` when there is none.
  mutating func update<Result>(_ key: Key, _ change: (inout Value) -> Result) -> Result? {
    guard let position = positions[key] else { return nil }
    return change(&values[position - forgotten])
  }

  mutating func updateEach(_ change: (inout Value) -> Void) {
    for index in values.indices { change(&values[index]) }
  }

  mutating func forget(while isOld: (Value) -> Bool) {
    forgetFirst(values.firstIndex { !isOld($0) } ?? values.count)
  }

  private mutating func forgetFirst(_ count: Int) {
    guard count > 0 else { return }
    for key in keys.prefix(count) { positions[key] = nil }
    keys.removeFirst(count)
    values.removeFirst(count)
    forgotten += count
  }
}
