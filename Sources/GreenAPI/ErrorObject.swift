import Foundation

/// An error that comes as an object of JSON: `{"statusCode":400,"message":"Instance is deleted"}`, or in an answer with HTTP status 200
/// `{"status":false,"reason":"instance account not authorized"}`.
struct ErrorObject: Decodable {
  /// Whether it says by itself that it is an error.
  let isError: Bool
  /// The HTTP status that it names, when that is one of an error.
  let statusCode: Int?
  /// What it says, without the JSON around it; `nil` when there is no such text.
  let text: String?

  private enum Keys: String, CodingKey { case status, statusCode, reason, message }

  init(from decoder: any Decoder) throws {
    let fields = try decoder.container(keyedBy: Keys.self)
    let statusCode = (try? fields.decode(Int.self, forKey: .statusCode)).flatMap { $0 >= 400 ? $0 : nil }
    isError = (try? fields.decode(Bool.self, forKey: .status)) == false || statusCode != nil
    self.statusCode = statusCode
    text = [.reason, .message].lazy.compactMap { try? fields.decode(String.self, forKey: $0) }.first { !$0.isEmpty }
  }

  /// `nil` when the bytes are no object of JSON.
  init?(_ body: some Sequence<UInt8>) {
    guard let object = try? JSONDecoder().decode(Self.self, from: Data(body)) else { return nil }
    self = object
  }
}
