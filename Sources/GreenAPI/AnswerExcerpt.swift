/// What may be shown of an answer: its beginning, on one line.
enum AnswerExcerpt {
  /// Characters.
  static let limit = 200

  /// One line that is safe to print: redacted before it is cut, so that no half of a secret slips through, and without control
  /// characters, which could act on a terminal.
  static func shown(_ text: String) -> String {
    let line = text.split(whereSeparator: \.isWhitespace).joined(separator: " ")
    let printable = line.unicodeScalars.filter { $0.properties.generalCategory != .control }
    return String(Redaction.redact(String(String.UnicodeScalarView(printable))).prefix(limit))
  }

  /// The same of a body's first bytes.
  static func shown(_ body: [UInt8]) -> String {
    shown(String(decoding: body.prefix(APIFailure.bytesLookedAt), as: UTF8.self))
  }
}
