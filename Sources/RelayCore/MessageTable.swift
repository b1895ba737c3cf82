import GreenAPI

/// The messages of one account by the bytes of their ids, with what is known of each: made to hold a million of them.
///
/// A message takes 16 bytes for its ``Entry``, those of its id, and 6 to 11 for its slots in the hash table: 46 in all, measured as
/// resident memory at a million ids of 20 bytes, and 58 at 32 bytes. Entries and ids lie in pages of 64 kB, in the order of
/// insertion: growing takes one page more and copies none, and a copy of the table shares all the pages it doesn't change.
///
/// - Looking up takes constant time, without a `String`; so does inserting, apart from the slots' growth by doubling.
/// - Removing leaves a hole. When a quarter of the entries are holes, the others are moved together, page by page: constant time
///   for each removal in the long run, and a page or two of memory while it goes on.
///
/// Invariant: the slots are a power of two, at most three quarters of them in use (open addressing, linear probing; Knuth, The Art
/// of Computer Programming, volume 3, section 6.4, algorithm L). A slot holds an entry's index plus one, or 0. Every entry, hole or
/// not, has one slot, and no empty slot lies between where its hash points and where it is.
/// Hashes are the standard library's, seeded anew for each process: no one can choose ids that collide.
struct MessageTable: Sendable {
  struct Entry: Sendable {
    /// The page times 65,536, plus the place in it.
    fileprivate var idStart: UInt32 = 0
    fileprivate var hash: UInt32 = 0
    /// ``TrackedMessage/lastSeen``; 32 bits of seconds last 136 years.
    var lastSeen: UInt32
    /// ``RecordedStatuses/documented``.
    var documented: UInt16
    /// Twice the length of the id, and one more with other statuses; below 2 in a hole.
    fileprivate var lengthAndOthers: UInt16 = 0

    init(documented: UInt16, hasOthers: Bool, lastSeen: UInt32) {
      self.documented = documented
      self.lastSeen = lastSeen
      self.hasOthers = hasOthers
    }

    /// Whether the message has statuses that are not in ``documented``; they are kept elsewhere.
    var hasOthers: Bool {
      get { lengthAndOthers & 1 == 1 }
      set { lengthAndOthers = lengthAndOthers & ~1 | (newValue ? 1 : 0) }
    }

    fileprivate var idLength: Int {
      get { Int(lengthAndOthers >> 1) }
      set { lengthAndOthers = UInt16(newValue) << 1 | lengthAndOthers & 1 }
    }

    fileprivate var isHole: Bool { idLength == 0 }
    fileprivate var idPage: Int { Int(idStart >> 16) }
    fileprivate var idOffset: Int { Int(idStart & 0xFFFF) }
  }

  private var entries: [[Entry]] = []
  private var ids: [[UInt8]] = []
  private var slots: [UInt32] = []
  private var holes = 0
  /// One more than the highest index in use, holes counted.
  private(set) var endIndex = 0

  private static let entriesInPage = 4096
  private static let bytesInPage = 65_536
  /// The longest id there is room for in ``Entry``, far beyond ``Record/maximumIDLength``.
  static let maximumIDLength = 32_767

  /// How many messages there are.
  var count: Int { endIndex - holes }

  // MARK: Looking up

  /// Where the message with this id is, until one is inserted or removed; its number among ``endIndex``.
  func index(of id: Span<UInt8>) -> Int? {
    slots.isEmpty ? nil : index(of: id, hash: Self.hash(id))
  }

  /// The same, quicker when the message was inserted right after the one at `previous`: answers show messages in the same order
  /// again and again. At 100,000 messages that halves the time, as what lies side by side is read.
  func index(of id: Span<UInt8>, after previous: Int) -> Int? {
    let next = previous + 1
    if next < endIndex, case let entry = self[next], entry.idLength == id.count, isID(of: entry, id) { return next }
    return index(of: id)
  }

  private func index(of id: Span<UInt8>, hash: UInt32) -> Int? {
    var slot = firstSlot(of: hash)
    while slots[slot] != 0 {
      let index = Int(slots[slot]) - 1
      let entry = self[index]
      if entry.hash == hash, entry.idLength == id.count, isID(of: entry, id) { return index }
      slot = (slot + 1) & (slots.count - 1)
    }
    return nil
  }

  subscript(index: Int) -> Entry { entries[index / Self.entriesInPage][index % Self.entriesInPage] }

  func id(at index: Int) -> [UInt8] {
    let entry = self[index]
    return Array(ids[entry.idPage][entry.idOffset..<entry.idOffset + entry.idLength])
  }

  /// Whether a message fulfils a condition.
  func contains(where condition: (Entry) -> Bool) -> Bool {
    entries.contains { $0.contains { !$0.isHole && condition($0) } }
  }

  /// The indices of all messages that fulfil a condition, in ascending order.
  func indices(where condition: (Entry) -> Bool) -> [Int] {
    var found: [Int] = []
    for (page, entries) in entries.enumerated() {
      for (offset, entry) in entries.enumerated() where !entry.isHole && condition(entry) {
        found.append(page * Self.entriesInPage + offset)
      }
    }
    return found
  }

  private func isID(of entry: Entry, _ id: Span<UInt8>) -> Bool {
    ids[entry.idPage].withUnsafeBufferPointer { page in
      let known = page.extracting(entry.idOffset..<entry.idOffset + entry.idLength)
      for offset in id.indices where known[offset] != id[offset] { return false }
      return true
    }
  }

  private func firstSlot(of hash: UInt32) -> Int { Int(hash) & (slots.count - 1) }

  private static func hash(_ id: Span<UInt8>) -> UInt32 {
    var hasher = Hasher()
    id.withUnsafeBytes { hasher.combine(bytes: $0) }
    return UInt32(truncatingIfNeeded: hasher.finalize())
  }

  // MARK: Changing

  /// Inserts a message, or replaces what is known of it.
  /// - Parameter id: not empty, and of ``maximumIDLength`` bytes at most.
  mutating func set(_ entry: Entry, for id: Span<UInt8>) {
    precondition((1...Self.maximumIDLength).contains(id.count), "an id of \(id.count) bytes")
    let hash = Self.hash(id)
    var entry = entry
    entry.hash = hash
    entry.idLength = id.count
    if !slots.isEmpty, let index = index(of: id, hash: hash) {
      entry.idStart = self[index].idStart
      entries[index / Self.entriesInPage][index % Self.entriesInPage] = entry
    } else {
      append(entry, id)
    }
  }

  mutating func remove(_ id: Span<UInt8>) {
    guard let index = index(of: id) else { return }
    entries[index / Self.entriesInPage][index % Self.entriesInPage].idLength = 0
    holes += 1
    if holes > 64, holes > endIndex / 4 { compact() }
  }

  private mutating func append(_ entry: Entry, _ id: Span<UInt8>) {
    if (endIndex + 1) * 4 > slots.count * 3 { resizeSlots(for: endIndex + 1) }
    var entry = entry
    if ids.isEmpty || ids[ids.count - 1].count + id.count > Self.bytesInPage {
      ids.append(Self.page(ids.count, of: Self.bytesInPage))
    }
    precondition(ids.count <= 65_536, "more than 4 GB of ids")
    entry.idStart = UInt32(ids.count - 1) << 16 | UInt32(ids[ids.count - 1].count)
    id.withUnsafeBufferPointer { ids[ids.count - 1].append(contentsOf: $0) }
    if endIndex % Self.entriesInPage == 0 { entries.append(Self.page(entries.count, of: Self.entriesInPage)) }
    entries[entries.count - 1].append(entry)
    endIndex += 1
    fillSlot(entry.hash, endIndex - 1)
  }

  /// The first page grows by doubling, as most accounts never fill it.
  private static func page<Item>(_ number: Int, of size: Int) -> [Item] {
    var page: [Item] = []
    if number > 0 { page.reserveCapacity(size) }
    return page
  }

  private mutating func fillSlot(_ hash: UInt32, _ index: Int) {
    var slot = firstSlot(of: hash)
    while slots[slot] != 0 { slot = (slot + 1) & (slots.count - 1) }
    slots[slot] = UInt32(index + 1)
  }

  private mutating func resizeSlots(for count: Int) {
    var capacity = 8
    while count * 4 > capacity * 3 { capacity *= 2 }
    // Let go of first, so that the old and the new ones are not there at once.
    slots = []
    slots = [UInt32](repeating: 0, count: capacity)
    for index in 0..<endIndex { fillSlot(self[index].hash, index) }
  }

  /// Moves the messages together, in their order, so that no holes remain.
  private mutating func compact() {
    var table = MessageTable()
    table.resizeSlots(for: count)
    var idPage = 0
    for page in entries.indices {
      for entry in entries[page] where !entry.isHole {
        let id = ids[entry.idPage][entry.idOffset..<entry.idOffset + entry.idLength]
        table.append(entry, id.span)
        // The pages passed are let go of, or there would be two of each for a while.
        while idPage < entry.idPage {
          ids[idPage] = []
          idPage += 1
        }
      }
      entries[page] = []
    }
    self = table
  }

  // MARK: Checking

  /// Stops the process when the invariant is broken.
  func checkInvariants() {
    precondition(slots.count & (slots.count - 1) == 0 && endIndex * 4 <= slots.count * 3)
    precondition(slots.count { $0 != 0 } == endIndex)
    precondition(entries.reduce(0) { $0 + $1.count } == endIndex)
    precondition(entries.dropLast().allSatisfy { $0.count == Self.entriesInPage })
    precondition((0..<endIndex).count { self[$0].isHole } == holes)
    for index in 0..<endIndex {
      let entry = self[index]
      var slot = firstSlot(of: entry.hash)
      while slots[slot] != UInt32(index + 1) {
        precondition(slots[slot] != 0, "an entry that can't be found")
        slot = (slot + 1) & (slots.count - 1)
      }
      guard !entry.isHole else { continue }
      precondition(entry.idOffset + entry.idLength <= ids[entry.idPage].count)
      precondition(self.index(of: id(at: index).span) == index)
    }
  }
}
