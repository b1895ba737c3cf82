extension APIFailure {
  /// The error that a 2xx answer is in truth: an object such as `{"status":false,"reason":"instance account not authorized"}`. It is
  /// classified as if it had come with the HTTP status that goes with its reason; one that gives none is shown as it is.
  ///
  /// `nil` when the body is none.
  /// - Parameter body: all of it, or its beginning.
  public init?(disguisedIn body: [UInt8]) {
    guard body.first(where: { !" \t\r\n".utf8.contains($0) }) == UInt8(ascii: "{") else { return nil }
    let looked = body.prefix(Self.bytesLookedAt)
    let all = String(decoding: looked, as: UTF8.self)
    if let error = ErrorObject(looked) {
      guard error.isError else { return nil }
      let text = error.text ?? all
      let kind = error.statusCode.map { Kind(httpStatus: $0, text: text) } ?? Kind(reason: text)
      self.init(kind, httpStatus: 200, saying: [UInt8](text.utf8))
    } else {
      // More than is looked at: what it says of itself at its beginning has to do.
      guard all.firstMatch(of: #/^\s*\{\s*"status"\s*:\s*false\b/#) != nil else { return nil }
      self.init(Kind(reason: all), httpStatus: 200, saying: [UInt8](looked))
    }
  }
}
