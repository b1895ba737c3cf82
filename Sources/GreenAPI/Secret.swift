/// A text that must not be seen: printing, interpolating or dumping it shows `***`.
public struct Secret: Hashable, Sendable {
  private let value: String

  public init(_ value: String) { self.value = value }

  /// The text itself, for the one place that sends it.
  public func reveal() -> String { value }

  public var isEmpty: Bool { value.isEmpty }
}

extension Secret: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
  public var description: String { "***" }
  public var debugDescription: String { "***" }
  public var customMirror: Mirror { Mirror(self, children: []) }
}
