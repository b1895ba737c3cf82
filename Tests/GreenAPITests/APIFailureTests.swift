import GreenAPI
import Testing

@Suite struct APIFailureTests {
  private func failure(_ status: Int, _ body: String = "") -> APIFailure {
    APIFailure(httpStatus: status, body: [UInt8](body.utf8))
  }

  @Test(
    "Each documented error has its kind and nature",
    arguments: [
      (400, "instance in starting process try later", .starting, .passesSoon),
      (400, #"{"message":"Instance in starting process, try later"}"#, .starting, .passesSoon),
      (400, "instance is starting or not authorized", .startingOrNotAuthorized, .passesSoon),
      (400, "instance account not authorized", .notAuthorized, .needsAPerson),
      (400, "Instance account is expired. Renew your instance from personal area", .expired, .needsAPerson),
      (400, "Instance is deleted", .deleted, .needsAPerson), (401, "Instance is deleted", .deleted, .needsAPerson),
      (400, "bad request data", .badRequest, .needsAPerson), (400, "", .badRequest, .needsAPerson),
      (400, "Validation failed. Details: …", .badRequest, .needsAPerson),
      (400, "Internal Server Error", .serverTrouble, .passesByItself), (401, "", .wrongToken, .needsAPerson),
      (401, "You are not authorized", .wrongToken, .needsAPerson), (403, "Forbidden", .noAccess, .needsAPerson),
      (403, "Your account is suspended", .suspended, .needsAPerson),
      (403, "\n<html>\r\n<head><title>403 Forbidden</title></head>", .addressRefused, .needsAPerson),
      (403, "<!DOCTYPE html><HTML>", .addressRefused, .needsAPerson), (429, "", .rateLimited, .slowDown),
      (466, #"{"invokeStatus":{"status":"QUOTE_EXCEEDED"}}"#, .quotaExceeded, .needsAPerson),
      (499, "", .serverTrouble, .passesByItself), (500, "", .serverTrouble, .passesByItself),
      (502, "<html>Bad Gateway</html>", .serverTrouble, .passesByItself), (503, "", .serverTrouble, .passesByItself),
      (504, "", .serverTrouble, .passesByItself), (301, "", .unexpectedAnswer, .passesByItself),
      (404, "", .notFound, .passesByItself), (0, "", .unexpectedAnswer, .passesByItself),
    ] as [(Int, String, APIFailure.Kind, APIFailure.Nature)])
  func classes(status: Int, body: String, kind: APIFailure.Kind, nature: APIFailure.Nature) {
    let failure = failure(status, body)
    #expect(failure.kind == kind)
    #expect(failure.nature == nature)
    #expect("\(failure)".hasPrefix("HTTP \(status): "))
  }

  @Test("The texts are known in any case, with any white space, and whatever JSON they come in")
  func wrappedTexts() {
    let texts: [(Int, String, APIFailure.Kind)] = [
      (400, "instance in starting process try later", .starting),
      (400, "instance is starting or not authorized", .startingOrNotAuthorized),
      (400, "instance account not authorized", .notAuthorized),
      (400, "Instance account is expired. Renew your instance from personal area", .expired),
      (400, "Instance is deleted", .deleted), (403, "Your account is suspended", .suspended),
    ]
    for (status, text, kind) in texts {
      for wrapped in [
        text.uppercased(), text.replacing(" ", with: "\n  "), #"{"statusCode":\#(status),"message":"\#(text)"}"#,
        #"{"error":{"code":\#(status),"details":["\#(text)"]}}"#, "\"\(text)\"",
      ] { #expect(failure(status, wrapped).kind == kind, "\(wrapped)") }
    }
  }

  @Test("Only the beginning of a body is looked at")
  func boundedPrefix() {
    let padding = String(repeating: " ", count: APIFailure.bytesLookedAt)
    #expect(failure(400, padding + "Instance is deleted").kind == .badRequest)
    #expect(APIFailure(disguisedIn: [UInt8]((padding + #"{"status":false}"#).utf8)) == nil)
    let long = failure(466, #"{"invokeStatus":{"description":""# + String(repeating: "x", count: 100_000) + #""}}"#)
    #expect(long.kind == .quotaExceeded && long.detail.isEmpty)
  }

  @Test("What needs a person comes with advice, and nobody is sent to the phone for an instance that starts")
  func advice() {
    var advices: [String] = []
    for kind in APIFailure.Kind.allCases {
      let failure = APIFailure(kind: kind, httpStatus: 400, detail: "")
      switch failure.nature {
      case .needsAPerson, .slowDown: advices.append(failure.advice ?? "")
      case .passesSoon: #expect(failure.advice == nil)
      case .passesByItself: break
      }
    }
    #expect(Set(advices).count == advices.count && !advices.contains(""), "each has its own")
  }

  @Test(
    "A used-up quota is told in words: which, how much is used, and of how much",
    arguments: [
      (
        #"{"invokeStatus":{"method":"getoutgoingstatuses","used":100,"total":100,"status":"QUOTE_EXCEEDED","description":"x"}}"#,
        "requests of getOutgoingStatuses: 100 of 100 used"
      ),
      (
        #"{"correspondentsStatus":{"used":"3","total":"3","status":"CORRESPONDENTS_QUOTE_EXCEEDED"}}"#,
        "correspondents: 3 of 3 used"
      ),
      (
        #"{"invokeStatus":{"method":"sendMessage","used":7,"total":100,"status":"QUOTE_ALLOWED"},"correspondentsStatus":{"used":3,"total":3,"status":"CORRESPONDENTS_QUOTA_EXCEEDED"}}"#,
        "correspondents: 3 of 3 used"
      ),
      (
        #"{"invokeStatus":{"method":"sendMessage","used":100,"total":100,"status":"QUOTA_EXCEEDED"},"correspondentsStatus":{"used":1,"total":3,"status":"CORRESPONDENTS_QUOTA_ALLOWED"}}"#,
        "requests of sendMessage: 100 of 100 used"
      ),
      (
        #"{"invokeStatus":{"used":9,"status":"QUOTE_EXCEEDED"},"correspondentsStatus":{"used":4,"total":3,"status":""}}"#,
        "requests: 9 used; correspondents: 4 of 3 used"
      ),
      (#"{"invokeStatus":{"status":"QUOTE_EXCEEDED"}}"#, "requests"), (#"{"invokeStatus":7}"#, ""),
      (
        #"{"statusCode":466,"message":"{\"correspondentsStatus\":{\"used\":3,\"total\":3,\"status\":\"CORRESPONDENTS_QUOTE_EXCEEDED\"}}"}"#,
        "correspondents: 3 of 3 used"
      ),
      (#"{"statusCode":466,"message":"Quota exceeded"}"#, "Quota exceeded"),
      (#"{"invokeStatus":{"method":"sendmes"#, ""), ("[1,2]", ""), ("", ""), ("Quota exceeded", "Quota exceeded"),
    ])
  func quotas(body: String, detail: String) {
    let quota = failure(466, body)
    #expect(quota.kind == .quotaExceeded)
    #expect(quota.detail == detail)
    #expect("\(quota)".hasPrefix("HTTP 466: a quota of the tariff is used up"))
    #expect(!"\(quota)".contains("{"))
  }

  @Test(
    "An object that says status false is the error that it gives as its reason",
    arguments: [
      (#"{"status":false,"reason":"instance account not authorized"}"#, .notAuthorized),
      (#" {"reason":"Instance in starting process, try later","status":false}"#, .starting),
      (#"{"status":false,"reason":"Instance account is expired. Renew …"}"#, .expired),
      (#"{"status":false,"reason":"Unauthorized"}"#, .wrongToken), (#"{"status":false}"#, .unexpectedAnswer),
      (#"{"status":false,"reason":7}"#, .unexpectedAnswer), (#"{"status":false,"message":"Forbidden"}"#, .noAccess),
      (#"{"statusCode":403,"message":"Your account is suspended"}"#, .suspended),
      (#"{"statusCode":500,"message":"?"}"#, .serverTrouble), (#"{"status":true}"#, nil), ("{}", nil), ("[]", nil),
      (#"{"status":"false"}"#, nil), (#"{"wid":"7@c.us"}"#, nil), (#"{"statusCode":200}"#, nil), ("", nil), ("x", nil),
      (#"{"status":false,"reason":"instance account not authorized … and so on"#, .notAuthorized),
    ] as [(String, APIFailure.Kind?)])
  func disguised(body: String, kind: APIFailure.Kind?) {
    let failure = APIFailure(disguisedIn: [UInt8](body.utf8))
    #expect(failure?.kind == kind)
    #expect(failure.map { $0.httpStatus == 200 } ?? true)
  }

  @Test(
    "Of an error in JSON the text is shown; one that has none is shown as it is",
    arguments: [
      (#"{"statusCode":400,"message":"Instance is deleted"}"#, "Instance is deleted"),
      (#"{"status":false,"reason":"Instance is\ndeleted\u001b[31m"}"#, "Instance is deleted[31m"),
      (
        #"{"statusCode":400,"message":"","path":"\/waInstance6\/getSettings\/d75b3a66374942c5"}"#,
        #"{"statusCode":400,"message":"","path":"\/waInstance6\/getSettings\/***"}"#
      ),
      (#"{"statusCode":400,"message":["a","b"]}"#, #"{"statusCode":400,"message":["a","b"]}"#),
      (#"{"status":false}"#, #"{"status":false}"#), (#"{"status":false,"reason":7}"#, #"{"status":false,"reason":7}"#),
    ])
  func textInJSON(body: String, shown: String) {
    #expect(failure(400, body).detail == shown)
    #expect(APIFailure(disguisedIn: [UInt8](body.utf8))?.detail == shown)
  }

  @Test("An error in disguise that gives its reason under another name is that error all the same")
  func otherName() {
    for (field, kind) in [
      (#""error":"instance account not authorized""#, APIFailure.Kind.notAuthorized),
      (#""invokeStatus":{"used":7,"total":7,"status":"QUOTE_EXCEEDED"}"#, .quotaExceeded),
    ] {
      let failure = APIFailure(disguisedIn: [UInt8](#"{"status":false,\#(field)}"#.utf8))
      #expect(failure?.kind == kind)
      if kind == .quotaExceeded { #expect(failure?.detail == "requests: 7 of 7 used") }
    }
  }

  @Test("The error in disguise shows its reason, which is redacted")
  func disguisedDetail() {
    let body = #"{"status":false,"reason":"Cannot GET \/waInstance6\/getSettings\/d75b3a66374942c5 now"}"#
    #expect(APIFailure(disguisedIn: [UInt8](body.utf8))?.detail == "Cannot GET /waInstance6/getSettings/*** now")
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
