import Foundation
import GreenAPI
import RelayCore
import Systemd

extension ConfigurationReading {
  /// `stateDirectory`, else what systemd made for the unit, else where a user's programs keep their state
  /// (https://specifications.freedesktop.org/basedir-spec/latest/).
  mutating func stateDirectory(_ root: ConfigurationSection) -> String {
    if let text = text("stateDirectory", of: root) { return path(text.text) }
    if let first = environment.variable("STATE_DIRECTORY")?.split(separator: ":").first { return String(first) }
    if let state = environment.variable("XDG_STATE_HOME"), state.hasPrefix("/") { return state + "/statusrelay" }
    if let home = environment.variable("HOME") { return home + "/.local/state/statusrelay" }
    if root["stateDirectory"] == nil {
      report(
        root.place, "stateDirectory is missing, and $STATE_DIRECTORY, $XDG_STATE_HOME and $HOME are not set",
        expected: root.key("stateDirectory").form)
    }
    return ""
  }

  mutating func log(_ root: ConfigurationSection) -> RelayConfiguration.Log {
    let section = section("log", of: root)
    // Set by systemd for what it connects to the journal (systemd.exec(5)), and inherited by what a terminal there starts.
    let underSystemd = JournalSocket.isConnected(STDERR_FILENO, to: environment.variable("JOURNAL_STREAM"))
    return RelayConfiguration.Log(
      level: choice("level", of: section, as: RelayConfiguration.Log.Level.self) ?? .info,
      format: choice("format", of: section, as: RelayConfiguration.Log.Format.self)
        ?? (underSystemd ? .journald : .text))
  }

  mutating func outbox(_ root: ConfigurationSection) -> RelayConfiguration.OutboxOptions {
    var options = RelayConfiguration.OutboxOptions()
    let section = section("outbox", of: root)
    if let mode = choice("synchronous", of: section, as: RelayConfiguration.OutboxOptions.Synchronous.self) {
      options.synchronous = mode
    }
    let history = self.section("history", of: section)
    if let age = duration("maximumAge", of: history, in: .seconds(1)...DurationText.maximum) {
      options.history.maximumAge = age
    }
    if let count = wholeNumber("maximumCount", of: history, in: 1...Int.max) { options.history.maximumCount = count }
    return options
  }

  mutating func admin(_ root: ConfigurationSection) -> RelayConfiguration.Admin {
    let section = section("admin", of: root)
    var admin = RelayConfiguration.Admin(token: secret("token", of: section))
    if let text = text("listen", of: section), let listen = listen(text, section.key("listen")) {
      admin.listen = listen
      if !listen.isLoopback, section["token"] == nil {
        report(
          text.place, "admin listens beyond this machine without a token",
          expected: "admin.token, or a loopback address such as 127.0.0.1")
      }
    }
    return admin
  }

  private mutating func listen(_ text: Text, _ key: ConfigurationKey) -> RelayConfiguration.Admin.Listen? {
    if text.text == "none" { return RelayConfiguration.Admin.Listen.none }
    if let (host, port) = hostAndPort(text.text), !host.isEmpty, let port, port.allSatisfy(\.isNumber),
      let number = Int(port), (0...65_535).contains(number)
    {
      return .address(host: host, port: number)
    }
    let port = text.text.drop { $0 == ":" }
    let meant: String? =
      if Int(port) != nil {
        text.text.hasPrefix(":") ? "0.0.0.0:\(port)" : "127.0.0.1:\(port)"
      } else {
        ["off", "no", "false", "null", "None"].contains(text.text) ? "none" : nil
      }
    report(text.place, "listen \(quote(text.text)) is no address", expected: key.form, meant: meant)
    return nil
  }
}
