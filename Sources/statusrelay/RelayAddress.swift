import ArgumentParser
import Curl
import Foundation
import GreenAPI
import Relay
import RelayStore

/// Which relay a command is about: the one that runs on a state directory, or one at an address.
struct RelayAddress: ParsableArguments {
  @OptionGroup var state: StateDirectoryOption

  // Texts, as the argument parser would print what it can't transform.
  @Option(
    help: ArgumentHelp(
      "Ask the relay at this address (its admin.listen), such as http://relay.example.com:8466, instead of the one on this machine.",
      valueName: "url"))
  var admin: String?

  @Option(
    help: ArgumentHelp(
      "That relay's admin.token. Better in $STATUSRELAY_ADMIN_TOKEN, as others may see a command's arguments.",
      valueName: "token"))
  var adminToken: String?

  static let tokenVariable = "STATUSRELAY_ADMIN_TOKEN"

  func validate() throws {
    guard let admin else {
      if adminToken != nil { throw ValidationError("--admin-token is for --admin URL, which is missing.") }
      return
    }
    if state.stateDirectory != nil || state.configuration.config != nil {
      throw ValidationError("--admin asks a relay by its address: leave out --state-directory and --config.")
    }
    if let fault = Self.fault(in: admin) { throw ValidationError("--admin: \(fault)") }
    if let token, token.reveal().contains(where: { $0.isNewline || !$0.isASCII }) || token.reveal().isEmpty {
      throw ValidationError("The admin token is empty, or holds what a header can't.")
    }
  }

  private var token: Secret? {
    (adminToken ?? ProcessInfo.processInfo.environment[Self.tokenVariable]).map { Secret($0) }
  }

  /// Whether it is one at an address, whose outbox can't be read from here.
  var isRemote: Bool { admin != nil }

  /// Nobody may listen there.
  func client() throws -> ControlClient {
    if let admin { return try ControlClient(.url(Self.url(admin), token: token)) }
    return try ControlClient(stateDirectory: try state.path())
  }

  // MARK: URLs

  /// With its scheme, and no slash at its end.
  static func url(_ text: String) -> String {
    var url = text.contains("://") ? text : "http://" + text
    while url.hasSuffix("/") { url.removeLast() }
    return url
  }

  /// What is wrong with it, in words that don't hold it: it may hold a password.
  static func fault(in text: String) -> String? {
    guard let parts = URLComponents(string: url(text)), let scheme = parts.scheme?.lowercased(),
      let host = parts.host, !host.isEmpty
    else { return "expected a URL such as http://127.0.0.1:8466." }
    if scheme != "http", scheme != "https" { return "the URL is neither http nor https." }
    if parts.user != nil { return "the URL holds a user; the relay wants its token, by --admin-token." }
    if parts.query != nil || parts.fragment != nil { return "the URL ends after the host, or a path before /v1." }
    return nil
  }

  /// No proxy leads back to this machine.
  static func isLoopback(_ url: String) -> Bool {
    guard let host = URLComponents(string: url)?.host else { return false }
    return RelayConfiguration.Admin.Listen.address(
      host: host.replacing("[", with: "").replacing("]", with: ""), port: 0
    )
    .isLoopback
  }
}
