import Foundation

extension APIFailure {
  /// The error that a 2xx answer is in truth: an object such as `{"status":false,"reason":"instance account not authorized"}`. It is
  /// classified as if it had come with the HTTP status that goes with its reason.
  ///
  /// `nil` when the body is none.
  /// - Parameter body: all of it, or its beginning.
  public init?(disguisedIn body: [UInt8]) {
    guard body.first(where: { !" \t\r\n".utf8.contains($0) }) == UInt8(ascii: "{") else { return nil }
    let looked = body.prefix(Self.bytesLookedAt)
    if let error = try? JSONDecoder().decode(Disguise.self, from: Data(looked)) {
      guard error.isError else { return nil }
      let kind = error.statusCode.map { Kind(httpStatus: $0, text: error.reason) } ?? Kind(reason: error.reason)
      self.init(kind, httpStatus: 200, saying: [UInt8](error.reason.utf8))
    } else {
      // More than is looked at: what it says of itself at its beginning has to do.
      let text = String(decoding: looked, as: UTF8.self)
      guard text.firstMatch(of: #/^\s*\{\s*"status"\s*:\s*false\b/#) != nil else { return nil }
      self.init(Kind(reason: text), httpStatus: 200, saying: [UInt8](looked))
    }
  }

  private struct Disguise: Decodable {
    let isError: Bool
    let statusCode: Int?
    let reason: String

    private enum Keys: String, CodingKey { case status, statusCode, reason, message }

    init(from decoder: any Decoder) throws {
      let fields = try decoder.container(keyedBy: Keys.self)
      let statusCode = (try? fields.decode(Int.self, forKey: .statusCode)).flatMap { $0 >= 400 ? $0 : nil }
      isError = (try? fields.decode(Bool.self, forKey: .status)) == false || statusCode != nil
      self.statusCode = statusCode
      reason = [.reason, .message].lazy.compactMap { try? fields.decode(String.self, forKey: $0) }.first ?? ""
    }
  }
}
