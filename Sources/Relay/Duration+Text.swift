extension Duration {
  /// For people: `350 ms`, `12 s`, `5 min`, `3 h`, `2 d`, rounded to one unit, or two where that says more (`1 h 30 min`).
  public var formatted: String {
    let (seconds, attoseconds) = components
    if abs(seconds) < 1 { return "\(attoseconds / 1_000_000_000_000_000) ms" }
    let units: [(name: String, seconds: Int64)] = [("d", 86_400), ("h", 3600), ("min", 60), ("s", 1)]
    guard let index = units.firstIndex(where: { abs(seconds) >= $0.seconds }) else { return "0 s" }
    let whole = seconds / units[index].seconds
    let rest = seconds % units[index].seconds
    guard index + 1 < units.count, abs(whole) < 10 else { return "\(whole) \(units[index].name)" }
    let part = rest / units[index + 1].seconds
    return part == 0
      ? "\(whole) \(units[index].name)" : "\(whole) \(units[index].name) \(abs(part)) \(units[index + 1].name)"
  }
}
