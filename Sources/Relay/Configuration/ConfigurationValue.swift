/// A piece of the configuration file with the place it stands at, before anything is known of its meaning.
struct ConfigurationValue: Sendable {
  enum Content: Sendable {
    /// Nothing, `~` or `null`.
    case nothing
    /// Something that has been reported already; nothing more is said of it.
    case unreadable
    /// Any scalar, as written: `on`, `1_000` and `0110` stay texts until a key says what they should be.
    case text(String)
    case list([ConfigurationValue])
    case mapping([Entry])
  }

  struct Entry: Sendable {
    var key: String
    var place: ConfigurationPlace
    var value: ConfigurationValue
  }

  var content: Content
  var place: ConfigurationPlace

  /// What it is, for a message; never what it holds.
  var kind: String {
    switch content {
    case .nothing, .unreadable: "nothing"
    case .text: "a single value"
    case .list: "a list"
    case .mapping: "a mapping"
    }
  }
}
