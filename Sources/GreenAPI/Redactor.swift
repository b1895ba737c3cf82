import Foundation

/// What may be shown of a text that could hold a secret: the one function that every log line, error, page and stored answer goes through
/// whose text comes from outside or is about a request.
///
/// Hidden, as `***`, are
/// - what may be one by where it stands (`SuspectParts`): GREEN-API's token in the path, userinfo, the values of a query, JSON's tokens;
/// - the secrets it was made with, in every form they can come back in: as they are, percent-encoded or as a form's, escaped as in JSON or
///   HTML, each of these once or twice, and in base64, alone or after what stood before them;
/// - their beginning at the end of the text and their end at its beginning, as texts are cut.
///
/// Secrets of less than ``shortest`` bytes are not looked for: they would turn any text into stars, and keep nobody out.
/// Redacting takes linear time for a given number of secrets; of a text only the first ``longestText`` bytes are looked at and kept.
public struct Redactor: Sendable {
  /// What is looked for, base64 included; escapes are undone in the text.
  private let secrets: [[UInt8]]

  public static let shortest = 3
  public static let longestText = 64 << 10
  static let replacement = Array("***".utf8)
  /// Of shorter secrets no pieces are looked for.
  private static let shortestInPieces = 8
  /// How many bytes of a secret's beginning are hidden at the end of a text, and of its end at the beginning.
  private static let shortestBeginning = 4
  private static let shortestEnd = 6

  /// - Parameter secrets: those that are known where the text comes from; empty ones are left out.
  public init(_ secrets: [Secret] = []) {
    let values = Set(secrets.flatMap { Self.forms(of: $0.reveal()) }).filter { $0.utf8.count >= Self.shortest }
    self.secrets = values.map { Array($0.utf8) }.flatMap { [$0] + Self.base64(of: $0) }
  }

  /// The text, fit to be shown.
  public func redact(_ text: String) -> String { String(decoding: redact(Array(text.utf8)), as: UTF8.self) }

  /// The same for bytes that may be no UTF-8, such as the beginning of an answer.
  public func redact(_ text: [UInt8]) -> [UInt8] {
    let text = text.count <= Self.longestText ? text : Array(text.prefix(Self.longestText))
    return Self.hide(places(in: DecodedText(text), decoding: 2), in: text)
  }

  /// Where in the original there is something to hide: in the text as it is, and with its escapes undone so many times.
  private func places(in text: DecodedText, decoding times: Int) -> [Range<Int>] {
    var hidden = places(in: text.bytes).map(text.original)
    guard times > 0 else { return hidden }
    for escapes in DecodedText.Escapes.allCases {
      let decoded = DecodedText(text, without: escapes)
      if decoded.hasEscapes { hidden += places(in: decoded, decoding: times - 1) }
    }
    return hidden
  }

  private func places(in text: [UInt8]) -> [Range<Int>] {
    var places = SuspectParts.ranges(in: text)
    for secret in secrets {
      places += Self.places(of: secret, in: text)
      if secret.count >= Self.shortestInPieces { places += Self.pieces(of: secret, in: text) }
    }
    return places
  }

  // MARK: Finding

  private static func places(of value: [UInt8], in text: [UInt8]) -> [Range<Int>] {
    var places: [Range<Int>] = []
    var position = 0
    while let start = text.first(value, from: position) {
      places.append(start..<start + value.count)
      position = start + value.count
    }
    return places
  }

  /// The longest beginning of a secret that the text ends with, up to the beginning of an escape, and the longest end that it begins with.
  private static func pieces(of secret: [UInt8], in text: [UInt8]) -> [Range<Int>] {
    var pieces: [Range<Int>] = []
    for (end, isCut) in [(text.count, false)] + cutEscape(in: text).map({ [($0, true)] }).flatMap(\.self) {
      let longest = min(isCut ? secret.count : secret.count - 1, end)
      if longest >= shortestBeginning,
        let length = (shortestBeginning...longest).last(where: { text[end - $0..<end].elementsEqual(secret.prefix($0)) }
        )
      {
        pieces.append(end - length..<text.count)
      }
    }
    let longest = min(secret.count - 1, text.count)
    if longest >= shortestEnd,
      let length = (shortestEnd...longest).last(where: { text.prefix($0).elementsEqual(secret.suffix($0)) })
    {
      pieces.append(0..<length)
    }
    return pieces
  }

  /// Where an escape begins that the end of the text cuts off.
  private static func cutEscape(in text: [UInt8]) -> [Int] {
    let tail = text.indices.suffix(DecodedText.longestEscape)
    guard
      let start = tail.last(where: { [UInt8(ascii: "%"), UInt8(ascii: "\\"), UInt8(ascii: "&")].contains(text[$0]) })
    else { return [] }
    return [start]
  }

  private static func hide(_ ranges: [Range<Int>], in text: [UInt8]) -> [UInt8] {
    var result: [UInt8] = []
    result.reserveCapacity(text.count)
    var position = 0
    for range in merged(ranges) {
      result += text[position..<range.lowerBound]
      // What was hidden before stays as it is.
      result += replacement
      position = range.upperBound
    }
    result += text[position...]
    return result
  }

  private static func merged(_ ranges: [Range<Int>]) -> [Range<Int>] {
    var merged: [Range<Int>] = []
    for range in ranges.sorted(by: { ($0.lowerBound, $0.upperBound) < ($1.lowerBound, $1.upperBound) }) {
      if let last = merged.last, range.lowerBound < last.upperBound {
        merged[merged.count - 1] = last.lowerBound..<max(last.upperBound, range.upperBound)
      } else {
        merged.append(range)
      }
    }
    return merged
  }

  // MARK: Forms

  /// What a configured secret may be known by: `Basic` and `Bearer` are no part of it, and what `Basic` stands for is one itself.
  private static func forms(of value: String) -> [String] {
    var forms = [value, value.replacing(" ", with: "+")]
    for scheme in ["Bearer ", "Basic "] where value.hasPrefix(scheme) {
      let rest = String(value.dropFirst(scheme.count))
      forms.append(rest)
      guard scheme == "Basic ", let decoded = Data(base64Encoded: rest) else { continue }
      let pair = String(decoding: decoded, as: UTF8.self)
      forms.append(pair)
      if let colon = pair.firstIndex(of: ":") { forms.append(String(pair[pair.index(after: colon)...])) }
    }
    return forms
  }

  /// The base64 of a secret wherever it begins within the bytes encoded, without the characters that it shares with its neighbours; in
  /// both alphabets (RFC 4648).
  private static func base64(of secret: [UInt8]) -> [[UInt8]] {
    guard secret.count >= 6 else { return [] }
    return (0..<3).flatMap { offset -> [[UInt8]] in
      let bytes = [UInt8](repeating: 0, count: offset) + secret
      let whole = Data(bytes).base64EncodedString().utf8.filter { $0 != UInt8(ascii: "=") }
      // Characters whose six bits are the secret's alone.
      let first = (offset * 8 + 5) / 6
      let last = bytes.count * 8 / 6
      let own = Array(whole[first..<min(last, whole.count)])
      let other = own.map {
        $0 == UInt8(ascii: "+") ? UInt8(ascii: "-") : $0 == UInt8(ascii: "/") ? UInt8(ascii: "_") : $0
      }
      return own == other ? [own] : [own, other]
    }
  }
}
