import Foundation
import Relay
import RelayCore

/// A test of a destination for people: the request behind `>`, the answer behind `<`, and what is said about them behind `*`.
enum ExchangeText {
  static func text(_ exchange: TestExchange) -> String {
    var lines = ["* \(exchange.destination), \(TimeText.local(exchange.startedAt))"]
    if !exchange.url.isEmpty {
      lines.append("> POST \(exchange.url)")
      lines += exchange.requestHeaders.map { "> \($0.name): \($0.value)" }
      lines += [">"] + body(exchange.requestBody)
    }
    if let status = exchange.httpStatus {
      lines.append("< HTTP\(exchange.httpVersion.map { "/\($0)" } ?? "") \(status)")
      lines += exchange.answerHeaders.map { "< \($0.name): \($0.value)" }
      lines += ["<"] + body(exchange.answerBody)
    }
    if !exchange.url.isEmpty {
      lines.append("* took \(Duration.milliseconds(Int64((exchange.durationSeconds * 1000).rounded())).formatted)")
    }
    if let failure = exchange.failure {
      lines.append("* " + (exchange.detail.isEmpty ? AttemptFailure.inWords(failure) : exchange.detail))
    }
    lines.append("* \(exchange.verdict)")
    return lines.map { $0.printable + "\n" }.joined()
  }

  /// JSON in lines, its members in their order; anything else as it is.
  private static func body(_ text: String) -> [String] {
    var lines = (prettyJSON(text) ?? text).printableLines.split(separator: "\n", omittingEmptySubsequences: false)
    while lines.last?.isEmpty == true { lines.removeLast() }
    return lines.map { "  \($0)" }
  }

  /// `nil` for what is no JSON object.
  static func prettyJSON(_ text: String) -> String? {
    guard text.first == "{", (try? JSONSerialization.jsonObject(with: Data(text.utf8))) != nil else { return nil }
    var result = ""
    var depth = 0
    var isInText = false
    var isEscaped = false
    var isEmpty = false
    func newline() -> String { "\n" + String(repeating: "  ", count: depth) }
    for character in text {
      if isInText {
        result.append(character)
        if isEscaped {
          isEscaped = false
        } else if character == "\\" {
          isEscaped = true
        } else {
          isInText = character != "\""
        }
        continue
      }
      if character.isWhitespace { continue }
      let isClosing = character == "}" || character == "]"
      if isClosing { depth -= 1 }
      if isEmpty ? !isClosing : isClosing { result += newline() }
      isEmpty = false
      result.append(character)
      switch character {
      case "{", "[": (depth, isEmpty) = (depth + 1, true)
      case ",": result += newline()
      case ":": result += " "
      case "\"": isInText = true
      default: break
      }
    }
    return result
  }
}

extension TestExchange {
  /// Whether the consumer took it.
  var isAccepted: Bool { httpStatus.map { (200..<300).contains($0) } ?? false }
}
