/// A pattern over a whole text: `*` stands for any run of characters, even none, `?` for one, anything else for itself.
///
/// Matching takes at most pattern × text steps: of several stars only the latest ever has to give way.
public struct Glob: Hashable, Sendable, CustomStringConvertible {
  public let description: String

  public init(_ pattern: String) { description = pattern }

  public func matches(_ text: String) -> Bool {
    let pattern = description
    var p = pattern.startIndex
    var t = text.startIndex
    /// After the latest star, and where what it stands for ends as far as tried.
    var star: (next: String.Index, end: String.Index)?
    while t < text.endIndex {
      if p < pattern.endIndex, pattern[p] == "*" {
        p = pattern.index(after: p)
        star = (p, t)
      } else if p < pattern.endIndex, pattern[p] == "?" || pattern[p] == text[t] {
        p = pattern.index(after: p)
        t = text.index(after: t)
      } else if let (next, end) = star {
        t = text.index(after: end)
        p = next
        star = (next, t)
      } else {
        return false
      }
    }
    return pattern[p...].allSatisfy { $0 == "*" }
  }
}
