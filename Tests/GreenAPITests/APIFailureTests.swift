import GreenAPI
import Testing

@Suite struct APIFailureTests {
  private func failure(_ status: Int, _ body: String = "") -> APIFailure {
    APIFailure(httpStatus: status, body: [UInt8](body.utf8))
  }

  @Test(
    "Each documented error has its kind and nature",
    arguments: [
      (400, "instance in starting process try later", .starting, .passesByItself),
      (400, #"{"message":"Instance in starting process, try later"}"#, .starting, .passesByItself),
      (400, "instance account not authorized", .notAuthorized, .needsAPerson),
      (400, "bad request data", .badRequest, .needsAPerson), (400, "", .badRequest, .needsAPerson),
      (400, "Internal Server Error", .serverTrouble, .passesByItself), (401, "", .wrongToken, .needsAPerson),
      (403, "Forbidden", .noAccess, .needsAPerson), (429, "", .rateLimited, .slowDown),
      (466, #"{"invokeStatus":{"status":"QUOTE_EXCEEDED"}}"#, .quotaExceeded, .needsAPerson),
      (499, "", .serverTrouble, .passesByItself), (500, "", .serverTrouble, .passesByItself),
      (502, "<html>Bad Gateway</html>", .serverTrouble, .passesByItself), (503, "", .serverTrouble, .passesByItself),
      (504, "", .serverTrouble, .passesByItself), (301, "", .unexpectedAnswer, .passesByItself),
      (404, "", .unexpectedAnswer, .passesByItself), (0, "", .unexpectedAnswer, .passesByItself),
    ] as [(Int, String, APIFailure.Kind, APIFailure.Nature)])
  func classes(status: Int, body: String, kind: APIFailure.Kind, nature: APIFailure.Nature) {
    let failure = failure(status, body)
    #expect(failure.kind == kind)
    #expect(failure.nature == nature)
    #expect("\(failure)".hasPrefix("HTTP \(status): "))
  }

  @Test("What needs a person comes with advice", arguments: APIFailure.Kind.allCases)
  func advice(kind: APIFailure.Kind) {
    let failure = APIFailure(kind: kind, httpStatus: 400, detail: "")
    #expect((failure.advice != nil) == (failure.nature != .passesByItself))
  }

  @Test("What GREEN-API said is shortened to one line that is safe to print")
  func detail() {
    #expect(failure(500, " a\n\tb \u{2028}c\r\n").detail == "a b c")
    #expect(failure(500, "red \u{1B}[31m alert\u{7}").detail == "red [31m alert")
    #expect(failure(500, String(repeating: "x", count: 10_000)).detail.count == 200)
    #expect(!APIFailure(httpStatus: 500, body: [0xFF, 0xFE, 0x00]).detail.contains("\0"))
  }

  @Test("A token in what GREEN-API said is not shown, not even cut in two")
  func redaction() {
    let url = "/waInstance1101000001/getOutgoingStatuses/d75b3a66374942c5b3c019c698abc2067e151558acbd412345"
    for padding in stride(from: 0, to: 520, by: 3) {
      let said = failure(404, String(repeating: "x", count: padding) + " Cannot GET \(url)").detail
      #expect(!said.contains("d75b"), "\(padding)")
    }
    for padding in 150..<200 {
      let said = failure(404, String(repeating: "x", count: padding) + " https://user:hunter2@example.com/").detail
      #expect(!said.contains("hunter"), "\(padding)")
    }
  }
}
