import ArgumentParser
import Foundation
import GreenAPI
import Relay

/// `statusrelay init`.
struct InitCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "init",
    abstract: "Writes a commented configuration file.",
    discussion: """
      At a terminal it asks for what is not given; anywhere else it asks nothing. Only the file's owner may read it. The token is \
      taken from $GREEN_API_TOKEN_INSTANCE unless one is typed in.

      Example: statusrelay init --id-instance 1101000001 --webhook-url https://crm.example.com/webhook
      """)

  @Option(
    name: .shortAndLong, help: ArgumentHelp("The file to write.", valueName: "file"),
    completion: .file(extensions: ["yaml", "yml"]))
  var output = "statusrelay.yaml"

  @Flag(help: "Replace the file if it exists.")
  var force = false

  @Option(help: ArgumentHelp("The GREEN-API instance to poll.", valueName: "number"))
  var idInstance: String?

  @Option(help: ArgumentHelp("The instance's apiUrl, from GREEN-API's console.", valueName: "url"))
  var apiUrl: String?

  @Option(help: ArgumentHelp("The consumer to post to.", valueName: "url"))
  var webhookUrl: String?

  @Flag(help: "Print the text instead of writing it.")
  var print = false

  func run() async throws {
    try await complaining {
      var draft = ConfigurationDraft(idInstance: idInstance, apiURL: apiUrl, webhookURL: webhookUrl)
      if let fault = draft.fault { throw Complaint.usage(fault.replacing("\n", with: "\nstatusrelay: ")) }
      let file = PrivateFile(path: output)
      // Before any question: the answers would be lost.
      if !print, !force { try file.checkIsAbsent() }
      if Terminal.isInteractive { try complete(&draft) }
      if print { return try StandardOutput.write(draft.text) }
      try file.write(draft.text, replacing: force)
      tell("\(output) is written; only its owner may read it.")
      let hasToken = !(ProcessInfo.processInfo.environment[Self.tokenVariable] ?? "").isEmpty
      if draft.token == nil, hasToken {
        tell("The token is taken from $\(Self.tokenVariable), which is set here and must be where the relay runs.")
      }
      tell(Self.whatIsLeft(draft, hasToken: hasToken))
      let option = output == ConfigurationSource.defaultPaths.first ? "" : " --config \(Self.quoted(output))"
      try StandardOutput.write("statusrelay check\(option) --online\nstatusrelay run\(option)\n")
    }
  }

  /// Asks for what is missing.
  private func complete(_ draft: inout ConfigurationDraft) throws(Complaint) {
    func answer(
      _ question: String, _ key: WritableKeyPath<ConfigurationDraft, String?>, _ initial: String
    ) throws(Complaint) {
      guard draft[keyPath: key] == nil else { return }
      let answer = Terminal.ask(question, default: initial) { text in
        var draft = ConfigurationDraft()
        draft[keyPath: key] = text
        return draft.fault
      }
      guard let answer else { throw .usage("the input ended, and nothing was written") }
      draft[keyPath: key] = answer
    }
    try answer("idInstance", \.idInstance, ConfigurationDraft.exampleID)
    try answer("apiUrl", \.apiURL, RelayConfiguration.Account.defaultAPIURL)
    let token = Terminal.askSecret("apiTokenInstance (not shown; empty: it stands in $GREEN_API_TOKEN_INSTANCE)")
    guard let token else { throw .usage("the input ended, and nothing was written") }
    if !token.isEmpty { draft.token = Secret(token) }
    try answer("URL of your webhook consumer", \.webhookURL, ConfigurationDraft.exampleWebhookURL)
    if let fault = draft.fault { throw .usage(fault) }
  }

  /// As a shell takes it for one word.
  private static func quoted(_ path: String) -> String {
    path.wholeMatch(of: #/[A-Za-z0-9_.\/+@%:,\-]+/#) != nil ? path : "'" + path.replacing("'", with: #"'\''"#) + "'"
  }

  private static let tokenVariable = "GREEN_API_TOKEN_INSTANCE"

  private static func whatIsLeft(_ draft: ConfigurationDraft, hasToken: Bool) -> String {
    var steps: [String] = []
    if draft.isUnfinished {
      steps.append("put your own idInstance, apiUrl and url into it")
    } else if draft.apiURL == nil {
      // The general host behaves otherwise at times (green-api/issues 619, 487), and the instance's own can't be told from its number:
      // there are 1101.api.green-api.com and 7107.api.greenapi.com.
      steps.append("put the instance's own apiUrl from GREEN-API's console into it")
    }
    if draft.token == nil, !hasToken { steps.append("set $\(tokenVariable) to the instance's apiTokenInstance") }
    return (steps.isEmpty ? "Next" : "Next, " + steps.joined(separator: ", ") + ", and then") + " run:"
  }
}
