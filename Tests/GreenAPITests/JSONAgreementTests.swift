import Foundation
import GreenAPI
import Testing

/// The scanner held against a plain model of the grammar, and against JSONDecoder.
///
/// JSONDecoder takes more than RFC 8259 has: it looks at numbers, escapes, control characters and UTF-8 only in the values that it
/// is asked for, passes over a comma before a closing bracket, and reads UTF-16 and UTF-32. There the RFC decides. Of what both
/// take the records must be the same, but for one thing: a name with half a surrogate pair costs JSONDecoder the whole element,
/// where the scanner passes over the field.
@Suite struct JSONAgreementTests {
  private struct Disagreement: Error {
    var seed: UInt64
    var what: String
    /// Base64 of the body.
    var body: String
  }

  private func check(_ body: [UInt8], seed: UInt64) throws {
    func disagree(_ what: String) -> Disagreement {
      Disagreement(seed: seed, what: what, body: Data(body).base64EncodedString())
    }
    let isTaken = isJSON(body)
    if isTaken != JSONModel.takes(body) { throw disagree(isTaken ? "taken, but no JSON" : "refused, but JSON") }
    guard let ours = try? RecordsAnswer(decoding: body) else { return }
    guard let theirs = try? FoundationRecords(decoding: body) else { throw disagree("JSONDecoder refuses it") }
    if hasHalfPairs(body) { return }
    if Array(ours.records) != theirs.records {
      throw disagree("\(Array(ours.records)) where JSONDecoder has \(theirs.records)")
    }
    if ours.faults != theirs.faults { throw disagree("\(ours.faults) where JSONDecoder has \(theirs.faults)") }
  }

  /// Whether it may hold the escape of one.
  private func hasHalfPairs(_ body: [UInt8]) -> Bool {
    String(decoding: body, as: UTF8.self).range(of: #"\\u[dD][89a-fA-F]"#, options: .regularExpression) != nil
  }

  @Test("Random answers are read as JSONDecoder reads them")
  func randomAnswers() async throws {
    var seeds = SystemRandomNumberGenerator()
    for _ in 0..<400 {
      let seed = seeds.next()
      var writer = AnswerWriter(seed: seed)
      let body = writer.answer()
      if !isJSON(body) {
        throw Disagreement(seed: seed, what: "refused, but JSON", body: Data(body).base64EncodedString())
      }
      try check(body, seed: seed)
      await Task.yield()
    }
  }

  @Test("Broken answers are refused when they are no JSON, and else read as JSONDecoder reads them")
  func mutatedAnswers() async throws {
    var seeds = SystemRandomNumberGenerator()
    for _ in 0..<150 {
      let seed = seeds.next()
      var writer = AnswerWriter(seed: seed)
      let body = writer.answer()
      for _ in 0..<20 { try check(writer.mutated(body), seed: seed) }
      await Task.yield()
    }
  }

  @Test("Bytes without any sense are refused, and never read beyond")
  func noise() async throws {
    var seeds = SystemRandomNumberGenerator()
    for _ in 0..<3000 {
      let seed = seeds.next()
      var writer = AnswerWriter(seed: seed)
      try check(writer.noise(), seed: seed)
      await Task.yield()
    }
  }

  @Test("An answer written from records gives them back")
  func written() throws {
    let seed = UInt64.random(in: 0...UInt64.max)
    var writer = AnswerWriter(seed: seed)
    for _ in 0..<200 {
      let records = try Array(RecordsAnswer(decoding: writer.answer()).records)
      #expect(Array(RecordsAnswer(records: records).records) == records, "seed \(seed)")
    }
  }
}
