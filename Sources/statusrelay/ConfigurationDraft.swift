import GreenAPI
import Relay

/// What `init` is to write: the values given so far, and what is wrong with them.
struct ConfigurationDraft {
  var idInstance: String?
  var apiURL: String?
  var webhookURL: String?
  /// `nil`: from `$GREEN_API_TOKEN_INSTANCE`.
  var token: Secret?

  static let exampleID = "1101000001"
  static let exampleWebhookURL = "https://crm.example.com/webhook"

  var text: String {
    ConfigurationTemplate.text(
      idInstance: idInstance ?? Self.exampleID, apiURL: apiURL ?? RelayConfiguration.Account.defaultAPIURL,
      token: token.map { .literal($0) } ?? .default, webhookURL: webhookURL ?? Self.exampleWebhookURL)
  }

  /// Whether a value of the file is an example still.
  var isUnfinished: Bool { idInstance == nil || webhookURL == nil }

  /// What loading the file would find wrong, a line for each; `nil` for nothing.
  var fault: String? {
    let path = "/draft.yaml"
    let environment = ConfigurationEnvironment(
      variables: ["GREEN_API_TOKEN_INSTANCE": "draft", "HOME": "/"], workingDirectory: "/",
      files: OneFile(path: path, bytes: Array(text.utf8)))
    do {
      _ = try RelayConfiguration.load(.file(path: path), environment: environment)
      return nil
    } catch {
      return error.problems.map(\.text).joined(separator: "\n")
    }
  }

  /// The draft before it is written.
  private struct OneFile: ConfigurationFiles {
    let path: String
    let bytes: [UInt8]

    func exists(_ path: String) -> Bool { path == self.path }

    func read(_ path: String, limit: Int) throws(ConfigurationFileFault) -> ConfigurationFile {
      guard path == self.path else { throw .missing }
      return ConfigurationFile(bytes: bytes, mode: 0o600)
    }
  }
}
