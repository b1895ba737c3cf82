import RelayCore
import Testing

@Suite struct NotificationFilterTests {
  private func notification(
    chatId: String = "70000000001@c.us", type: String = "imageMessage", sendByApi: Bool = true
  ) -> RelayCore.Notification {
    .example(chatId: chatId, typeMessage: type, sendByApi: sendByApi)
  }

  @Test("An empty filter takes all")
  func empty() {
    #expect(NotificationFilter().takes(notification()))
    #expect(NotificationFilter().takes(notification(chatId: "", type: "", sendByApi: false)))
  }

  @Test("Each part decides by its own field, and all must agree")
  func parts() {
    let filter = NotificationFilter(
      sendByApi: true, chatIDs: [Glob("7*@c.us"), Glob("status@broadcast")],
      typeMessages: ["imageMessage", "videoMessage"])
    #expect(filter.takes(notification()))
    #expect(filter.takes(notification(chatId: "status@broadcast", type: "videoMessage")))
    #expect(!filter.takes(notification(sendByApi: false)))
    #expect(!filter.takes(notification(type: "audioMessage")))
    #expect(!filter.takes(notification(chatId: "80000000001@c.us")))
  }

  @Test("What was sent from the phone can be all that is wanted")
  func fromThePhone() {
    let filter = NotificationFilter(sendByApi: false)
    #expect(filter.takes(notification(sendByApi: false)))
    #expect(!filter.takes(notification(sendByApi: true)))
  }

  @Test("A rule's filter decides beside its accounts and statuses")
  func rule() {
    var rule = Router.Rule(destination: DestinationID(rawValue: 1), filter: NotificationFilter(typeMessages: ["x"]))
    #expect(!rule.takes(notification()))
    #expect(rule.takes(notification(type: "x")))
    rule.accounts = [2]
    #expect(!rule.takes(notification(type: "x")))
    let router = Router(rules: [
      .init(destination: DestinationID(rawValue: 1), filter: NotificationFilter(sendByApi: false)),
      .init(destination: DestinationID(rawValue: 2), filter: NotificationFilter(sendByApi: true)),
    ])
    #expect(router.routes(for: notification()).map(\.destination.rawValue) == [2])
  }
}

@Suite struct GlobTests {
  @Test(
    "A pattern holds for the whole text",
    arguments: [
      ("", "", true), ("", "a", false), ("a", "", false), ("*", "", true), ("*", "anything", true), ("?", "", false),
      ("?", "a", true), ("?", "ab", false), ("abc", "abc", true), ("abc", "abcd", false), ("abc", "ABC", false),
      ("a*c", "ac", true), ("a*c", "abbbc", true), ("a*c", "abbbd", false), ("*c", "abc", true), ("a*", "abc", true),
      ("*b*", "abc", true), ("**", "abc", true), ("a**c", "abc", true), ("a?c", "abc", true), ("a?c", "ac", false),
      ("*?", "", false), ("*?", "abc", true), ("?*?", "a", false), ("?*?", "ab", true), ("*ab", "aab", true),
      ("*aab", "aaab", true), ("a*b*c", "axbxbxc", true), ("a*b*c", "axcxb", false), ("7???@c.us", "7123@c.us", true),
      ("*@g.us", "120363@g.us", true), ("*@g.us", "7123@c.us", false), ("?", "é", true), ("?", "👨‍👩‍👧", true),
      ("?b", "éb", true),
    ])
  func matches(pattern: String, text: String, isMatch: Bool) {
    #expect(Glob(pattern).matches(text) == isMatch)
  }

  @Test("Only * and ? are special", arguments: ["[a-z]", "a.b", "a+", "\\*x", "{a,b}", "(a|b)", "^a$", "%", "_"])
  func literal(pattern: String) {
    if !pattern.contains("*") { #expect(Glob(pattern).matches(pattern)) }
    #expect(!Glob(pattern).matches("a"))
    #expect(!Glob(pattern).matches("b"))
  }

  @Test("A backslash doesn't make a star literal")
  func backslash() {
    #expect(Glob("\\*").matches("\\anything"))
    #expect(!Glob("\\*").matches("*"))
  }

  @Test("It reads as it was written")
  func description() { #expect("\(Glob("7*@c.us"))" == "7*@c.us") }

  @Test("Against every short text it agrees with a plain recursive definition")
  func recursive() {
    func matches(_ pattern: Substring, _ text: Substring) -> Bool {
      guard let first = pattern.first else { return text.isEmpty }
      let rest = pattern.dropFirst()
      if first == "*" { return matches(rest, text) || !text.isEmpty && matches(pattern, text.dropFirst()) }
      return !text.isEmpty && (first == "?" || first == text.first) && matches(rest, text.dropFirst())
    }
    func words(_ alphabet: String, upTo length: Int) -> [String] {
      var all = [""]
      var longest = [""]
      for _ in 0..<length {
        longest = longest.flatMap { word in alphabet.map { word + String($0) } }
        all += longest
      }
      return all
    }
    for pattern in words("ab*?", upTo: 4) {
      for text in words("ab", upTo: 4) {
        #expect(Glob(pattern).matches(text) == matches(pattern[...], text[...]), "\(pattern) \(text)")
      }
    }
  }

  @Test("Many stars against a long text end at once")
  func noBacktracking() {
    let pattern = Glob(String(repeating: "a*", count: 60) + "b")
    #expect(!pattern.matches(String(repeating: "a", count: 2000)))
  }
}
