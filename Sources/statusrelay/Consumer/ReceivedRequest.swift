/// A request to the consumer, as it came over the wire.
struct ReceivedRequest: Sendable, Hashable {
  struct Header: Sendable, Hashable {
    var name: String
    var value: String
  }

  var method: String
  var path: String
  var headers: [Header]
  var body: [UInt8]
  /// There was more than ``largestBody``; none of it is in ``body``.
  var isTooLarge = false

  /// More than any notification has.
  static let largestBody = 1 << 20

  init(method: String = "POST", path: String = "/", headers: [Header] = [], body: [UInt8] = []) {
    self.method = method
    self.path = path
    self.headers = headers
    self.body = body
  }

  /// The first header of this name, in whatever case it was written.
  func header(_ name: String) -> String? {
    headers.first { $0.name.lowercased() == name.lowercased() }?.value
  }
}
