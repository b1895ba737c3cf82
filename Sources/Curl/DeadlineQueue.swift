/// The next moment of each slot that has one, earliest first: a binary heap that also knows where each slot stands, so
/// that a transfer's deadline is taken out when it ends instead of lying around until it passes.
///
/// A slot is a small number from 0; it has at most one deadline. `next` is O(1), everything else O(log n), and scheduling
/// later than everything else, which is the common case, O(1).
struct DeadlineQueue {
  private struct Entry {
    var deadline: UInt64
    var slot: Int
  }

  private static let absent = -1
  private var heap: [Entry] = []
  /// By slot: its index in `heap`, or `absent`.
  private var positions: [Int] = []

  var count: Int { heap.count }

  /// The earliest deadline.
  var next: UInt64? { heap.first?.deadline }

  /// Gives the slot this deadline, in place of the one it may have.
  mutating func schedule(_ slot: Int, at deadline: UInt64) {
    while positions.count <= slot { positions.append(Self.absent) }
    let entry = Entry(deadline: deadline, slot: slot)
    let position = positions[slot]
    if position == Self.absent {
      heap.append(entry)
      siftUp(entry, from: heap.count - 1)
    } else {
      settle(entry, at: position)
    }
  }

  /// Forgets the slot's deadline, if it has one.
  mutating func remove(_ slot: Int) {
    guard slot < positions.count, positions[slot] != Self.absent else { return }
    let position = positions[slot]
    positions[slot] = Self.absent
    let last = heap.removeLast()
    if position < heap.count { settle(last, at: position) }
  }

  /// Takes out one slot whose deadline is not after `now`; the earliest first.
  mutating func popExpired(at now: UInt64) -> Int? {
    guard let first = heap.first, first.deadline <= now else { return nil }
    remove(first.slot)
    return first.slot
  }

  private mutating func settle(_ entry: Entry, at position: Int) {
    if position > 0, entry.deadline < heap[(position - 1) / 2].deadline {
      siftUp(entry, from: position)
    } else {
      siftDown(entry, from: position)
    }
  }

  private mutating func siftUp(_ entry: Entry, from start: Int) {
    var position = start
    while position > 0 {
      let parent = (position - 1) / 2
      guard entry.deadline < heap[parent].deadline else { break }
      place(heap[parent], at: position)
      position = parent
    }
    place(entry, at: position)
  }

  private mutating func siftDown(_ entry: Entry, from start: Int) {
    var position = start
    while true {
      var child = 2 * position + 1
      guard child < heap.count else { break }
      if child + 1 < heap.count, heap[child + 1].deadline < heap[child].deadline { child += 1 }
      guard heap[child].deadline < entry.deadline else { break }
      place(heap[child], at: position)
      position = child
    }
    place(entry, at: position)
  }

  private mutating func place(_ entry: Entry, at position: Int) {
    heap[position] = entry
    positions[entry.slot] = position
  }
}
