import GreenAPI

/// Why a poll came to nothing. A closed set, shared by pacing, account states, logs and metrics.
public enum PollFailure: Error, Hashable, Sendable {
  /// GREEN-API answered with an error.
  case api(APIFailure)
  /// It has said for so long that the instance is starting that this does not pass by itself, see ``StartingSpell``.
  case stillStarting(APIFailure)
  /// It answered 2xx, but the body can't be used.
  case answer(AnswerFault)
  /// The answer was cut off at the limit.
  case answerTooLarge(limitBytes: Int)
  /// No answer came. `kind` is the HTTP client's word for it, such as `timeout`; `detail` must be fit to be shown.
  case network(kind: String, detail: String)
  /// The answer was good, but what it changes could not be recorded; the text is the outbox's.
  case outbox(String)
  /// `wid` and `typeInstance` are neither configured nor remembered, and getSettings did not say them.
  case identityUnknown(String)

  /// Whether waiting is enough.
  public var nature: APIFailure.Nature {
    switch self {
    case .api(let failure): failure.nature
    case .stillStarting, .identityUnknown: .needsAPerson
    case .answer, .answerTooLarge, .network, .outbox: .passesByItself
    }
  }

  /// A label for logs and metrics, one of ``reasons``.
  public var reason: String {
    switch self {
    case .api(let failure), .stillStarting(let failure): Self.reason(failure.kind)
    case .answer(let fault): Self.reason(fault.kind)
    case .answerTooLarge: "answerTooLarge"
    case .network: "network"
    case .outbox: "outbox"
    case .identityUnknown: "identityUnknown"
    }
  }

  /// Every label that ``reason`` can have.
  public static let reasons: [String] =
    APIFailure.Kind.allCases.map(reason) + AnswerFault.Kind.allCases.map(reason)
    + ["answerTooLarge", "network", "outbox", "identityUnknown"]

  private static func reason(_ kind: APIFailure.Kind) -> String { kind.rawValue }

  private static func reason(_ kind: AnswerFault.Kind) -> String {
    switch kind {
    case .empty: "emptyBody"
    case .html: "htmlBody"
    case .notJSON: "notJSON"
    case .notAnArray: "notAnArray"
    case .notAnObject: "notAnObject"
    }
  }

  /// What a person should do, in a sentence or two; `nil` where waiting is enough.
  public var advice: String? {
    switch self {
    case .api(let failure): failure.advice
    case .stillStarting(let failure):
      "It may hang or be deleted: look at it in GREEN-API's console, and reboot it, "
        + (failure.isAmbiguous ? "link the phone again, " : "") + "or take the account out of the configuration."
    case .answer(let fault) where fault.kind == .html:
      "Something between here and GREEN-API may be answering in its place: check apiUrl and the proxy."
    case .answer: nil
    case .answerTooLarge: "Shorten poll.window. Until then the relay looks back less far."
    case .network: "Check apiUrl, and this machine's way to it (name service, firewall, proxy)."
    case .outbox: "Free the disk or mend the state directory; nothing is lost, the poll is repeated."
    case .identityUnknown:
      "Set wid and typeInstance of the account in the configuration, or authorize the instance in GREEN-API's console."
    }
  }
}

extension PollFailure: CustomStringConvertible {
  /// What happened, in words.
  public var description: String {
    switch self {
    case .api(let failure): failure.description
    case .stillStarting(let failure): "\(failure), and has been so for more than 6 minutes"
    case .answer(let fault): "GREEN-API's answer is unusable: \(fault)"
    case .answerTooLarge(let limit): "GREEN-API's answer is larger than \(limit) bytes"
    case .network(let kind, let detail): "no answer from GREEN-API (\(kind))\(detail.isEmpty ? "" : ": \(detail)")"
    case .outbox(let text): "the poll could not be recorded: \(text)"
    case .identityUnknown(let text): "who the account is, is not known\(text.isEmpty ? "" : ": \(text)")"
    }
  }
}
