import Foundation

/// One quota of a tariff, as the body of an answer with HTTP status 466 tells of it.
///
/// https://green-api.com/en/docs/api/466-error-example-body/ : `invokeStatus` counts a method's requests, `correspondentsStatus` the chats
/// written to; either may be there, and one may be allowed while the other is exceeded.
struct TariffQuota: Decodable {
  private let method: String?
  private let used: Int64?
  private let total: Int64?
  private let status: String

  private enum Keys: String, CodingKey { case method, used, total, status }

  init(from decoder: any Decoder) throws {
    let fields = try decoder.container(keyedBy: Keys.self)
    func number(_ key: Keys) -> Int64? {
      (try? fields.decode(Int64.self, forKey: key))
        ?? (try? fields.decode(String.self, forKey: key)).flatMap { Int64($0) }
    }
    method = try? fields.decode(String.self, forKey: .method)
    used = number(.used)
    total = number(.total)
    status = (try? fields.decode(String.self, forKey: .status)) ?? ""
  }

  /// GREEN-API writes `QUOTE_EXCEEDED` and `CORRESPONDENTS_QUOTE_EXCEEDED`, in webhooks with `QUOTA`, and `…_ALLOWED` for the others.
  private var isExceeded: Bool {
    if status.uppercased().contains("ALLOWED") { return false }
    return status.uppercased().contains("EXCEEDED") || used.flatMap { used in total.map { used >= $0 } } == true
  }

  private func words(_ what: String) -> String {
    guard let used else { return what }
    return "\(what): \(used)" + (total.map { " of \($0)" } ?? "") + " used"
  }

  private struct Body: Decodable {
    let invokeStatus: TariffQuota?
    let correspondentsStatus: TariffQuota?

    private enum Keys: String, CodingKey { case invokeStatus, correspondentsStatus }

    init(from decoder: any Decoder) throws {
      let fields = try decoder.container(keyedBy: Keys.self)
      invokeStatus = try? fields.decode(TariffQuota.self, forKey: .invokeStatus)
      correspondentsStatus = try? fields.decode(TariffQuota.self, forKey: .correspondentsStatus)
    }
  }

  /// Which quotas are used up and how much they are, such as `requests of getOutgoingStatuses: 100 of 100 used`. A body that doesn't
  /// tell is shown when it is text, and is no part of it when it is JSON.
  static func detail(of body: [UInt8]) -> String {
    guard let told = try? JSONDecoder().decode(Body.self, from: Data(body.prefix(APIFailure.longestBody))) else {
      let shown = AnswerExcerpt.shown(body)
      return shown.hasPrefix("{") || shown.hasPrefix("[") ? "" : shown
    }
    var words: [String] = []
    if let quota = told.invokeStatus, quota.isExceeded { words.append(quota.words("requests\(quota.ofMethod)")) }
    if let quota = told.correspondentsStatus, quota.isExceeded { words.append(quota.words("correspondents")) }
    return AnswerExcerpt.shown(words.joined(separator: "; "))
  }

  /// The bodies have lower-case names.
  private var ofMethod: String {
    guard let method, !method.isEmpty else { return "" }
    let known = APIMethod.allCases.first { $0.rawValue.lowercased() == method.lowercased() }
    return " of \(known?.rawValue ?? method)"
  }
}
