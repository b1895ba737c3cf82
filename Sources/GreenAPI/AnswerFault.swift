import Foundation

/// Why the body of a successful (2xx) answer could not be used. A closed set, shared by logs and metrics.
public struct AnswerFault: Error, Hashable, Sendable {
  public enum Kind: String, Hashable, Sendable, CaseIterable {
    case empty
    case html
    case notJSON
    case notAnArray
    case notAnObject
  }

  public let kind: Kind
  /// What was found instead, in words, and how the body begins where ``showing(_:)`` has added that.
  public let detail: String

  public init(kind: Kind, detail: String) {
    self.kind = kind
    self.detail = detail
  }

  /// The fault behind a decoding error.
  init(_ error: any Error, in body: [UInt8], expecting expected: Kind) {
    switch error {
    case DecodingError.typeMismatch, DecodingError.valueNotFound: self.init(expected, in: body)
    default: self.init(.notJSON, in: body)
    }
  }

  /// The fault of a body that is no JSON, or JSON of the wrong type; said more plainly where its first character tells.
  /// - Parameter byteCount: of the body, when these are not all of its bytes.
  init(_ kind: Kind, in body: [UInt8], byteCount: Int? = nil) {
    switch (body.first { !" \t\r\n".utf8.contains($0) }, kind) {
    case (nil, _): self.init(kind: .empty, detail: "the body is empty")
    case (UInt8(ascii: "<"), _): self.init(kind: .html, detail: "the body is HTML or XML")
    case (_, .notAnArray): self.init(kind: kind, detail: "the body is JSON, but no array")
    case (_, .notAnObject): self.init(kind: kind, detail: "the body is JSON, but no object")
    default: self.init(incompleteJSONOf: byteCount ?? body.count)
    }
  }

  init(incompleteJSONOf byteCount: Int) {
    self.init(kind: .notJSON, detail: "the body (\(byteCount) bytes) is no complete JSON")
  }
}

extension AnswerFault {
  /// The same, with how the body begins, as far as that may be shown.
  public func showing(_ body: [UInt8]) -> AnswerFault {
    let shown = AnswerExcerpt.shown(body)
    return shown.isEmpty ? self : AnswerFault(kind: kind, detail: "\(detail): \(shown)")
  }
}

extension AnswerFault: CustomStringConvertible {
  public var description: String { detail }
}
