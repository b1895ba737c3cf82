/// Which messenger an instance speaks, as getSettings and notifications name it.
public struct TypeInstance: RawRepresentable, Hashable, Sendable {
  public let rawValue: String

  public init(rawValue: String) { self.rawValue = rawValue }

  /// WhatsApp, and WABA too. What an answer of getSettings without `typeInstance` means.
  public static let whatsapp = TypeInstance(rawValue: "whatsapp")
  /// MAX.
  public static let v3 = TypeInstance(rawValue: "v3")
  public static let telegram = TypeInstance(rawValue: "telegram")

  public static let documented: [TypeInstance] = [.whatsapp, .v3, .telegram]
}
