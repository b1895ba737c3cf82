/// What a person may have meant by a word that isn't known.
enum Spelling {
  /// The likeliest of the candidates, or `nil` when none is near: the same but for case, `_` and `-`; else at most a
  /// third of the letters off; else the one it ends or begins with, or that ends or begins with it (`webhookUrl` for
  /// `url`, `token` for `webhookUrlToken`).
  static func nearest(to word: String, among candidates: [String]) -> String? {
    let plain = bare(word)
    // Longer texts are no slips of the pen, and the distance takes time in proportion to the length.
    guard (1...64).contains(plain.count) else { return nil }
    if let same = candidates.first(where: { bare($0) == plain }) { return same }
    let near = candidates.map { (name: $0, distance: distance(plain, bare($0))) }.min { $0.distance < $1.distance }
    if let near, near.distance <= max(1, min(plain.count, near.name.count) / 3) { return near.name }
    guard plain.count >= 3 else { return nil }
    return candidates.first { related(bare($0), plain) { $0.hasSuffix($1) } }
      ?? candidates.first { related(bare($0), plain) { $0.hasPrefix($1) } }
  }

  /// Whether they differ in case, `_` and `-` only.
  static func isSame(_ a: String, _ b: String) -> Bool { bare(a) == bare(b) }

  private static func bare(_ word: String) -> String {
    word.lowercased().filter { $0 != "_" && $0 != "-" }
  }

  private static func related(_ a: String, _ b: String, by holds: (String, String) -> Bool) -> Bool {
    a.count >= 3 && (holds(a, b) || holds(b, a))
  }

  /// Insertions, deletions, replacements and swaps of neighbours that lead from one to the other (optimal string
  /// alignment).
  static func distance(_ a: String, _ b: String) -> Int {
    let a = Array(a)
    let b = Array(b)
    var beforeLast: [Int] = []
    var last = Array(0...b.count)
    for i in a.indices {
      var row = [i + 1]
      for j in b.indices {
        var cost = min(last[j + 1] + 1, row[j] + 1, last[j] + (a[i] == b[j] ? 0 : 1))
        if i > 0, j > 0, a[i] == b[j - 1], a[i - 1] == b[j] { cost = min(cost, beforeLast[j - 1] + 1) }
        row.append(cost)
      }
      (beforeLast, last) = (last, row)
    }
    return last[b.count]
  }
}
