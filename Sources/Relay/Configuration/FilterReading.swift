import RelayCore

extension ConfigurationReading {
  /// What GREEN-API documents of statuses: https://green-api.com/en/docs/api/statuses/GetOutgoingStatuses/
  private static let typeMessages = ["extendedTextMessage", "imageMessage", "videoMessage", "audioMessage"]

  mutating func filter(_ destination: ConfigurationSection) -> NotificationFilter {
    let section = section("filter", of: destination)
    var filter = NotificationFilter()
    filter.sendByApi = truth("sendByApi", of: section)
    filter.chatIDs = words("chatId", of: section)?.map { Glob($0.text) }
    if let types = words("typeMessage", of: section) {
      for type in types where !Self.typeMessages.contains(type.text) {
        warn(
          type.place, "typeMessage \(quote(type.text)) is not one documented", expected: Self.either(Self.typeMessages),
          meant: Spelling.nearest(to: type.text, among: Self.typeMessages))
      }
      filter.typeMessages = Set(types.map(\.text))
    }
    return filter
  }

  /// One word or a list of them. An empty list is what it says, and that is hardly what was meant.
  private mutating func words(_ name: String, of section: ConfigurationSection) -> [Text]? {
    guard let value = section[name] else { return nil }
    let key = section.key(name)
    switch value.content {
    case .list(let values):
      if values.isEmpty {
        warn(value.place, "\(name) is an empty list, so the destination gets nothing", expected: key.form)
      }
      return values.compactMap { text($0, key, isEntry: true) }
    default: return text(value, key).map { [$0] }
    }
  }
}
