import Foundation

/// What getSettings says that matters here. https://green-api.com/en/docs/api/account/GetSettings/
public struct AccountSettings: Hashable, Sendable {
  /// The account's own id, such as `79991234567@c.us`; `nil` when the instance isn't authorized yet.
  public var wid: String?
  /// `nil` in older answers; those instances are WhatsApp's.
  public var typeInstance: TypeInstance?
  /// Whether notifications about outgoing messages' statuses are on. While they are off, statuses never change.
  public var outgoingWebhook: Bool?
  /// Where GREEN-API posts this account's webhooks; `nil` when empty.
  public var webhookURL: String?
  public var webhookURLToken: Secret?

  public init(
    wid: String? = nil, typeInstance: TypeInstance? = nil, outgoingWebhook: Bool? = nil, webhookURL: String? = nil,
    webhookURLToken: Secret? = nil
  ) {
    self.wid = wid
    self.typeInstance = typeInstance
    self.outgoingWebhook = outgoingWebhook
    self.webhookURL = webhookURL
    self.webhookURLToken = webhookURLToken
  }

  /// - Throws: ``AnswerFault`` when the body is no JSON object.
  public init(decoding body: [UInt8]) throws(AnswerFault) {
    let fields: Fields
    do {
      fields = try JSONDecoder().decode(Fields.self, from: Data(body))
    } catch {
      throw AnswerFault(error, in: body, expecting: .notAnObject)
    }
    self = fields.settings
  }

  private struct Fields: Decodable {
    let settings: AccountSettings

    enum CodingKeys: String, CodingKey {
      case wid, typeInstance, outgoingWebhook, webhookUrl, webhookUrlToken
    }

    init(from decoder: any Decoder) throws {
      let fields = try decoder.container(keyedBy: CodingKeys.self)
      func text(_ key: CodingKeys) -> String? {
        guard let text = try? fields.decode(String.self, forKey: key), !text.isEmpty else { return nil }
        return text
      }
      /// GREEN-API writes `yes` and `no`.
      func isOn(_ key: CodingKeys) -> Bool? {
        (try? fields.decode(Bool.self, forKey: key)) ?? text(key).map { ["yes", "true"].contains($0.lowercased()) }
      }
      settings = AccountSettings(
        wid: text(.wid), typeInstance: text(.typeInstance).map(TypeInstance.init(rawValue:)),
        outgoingWebhook: isOn(.outgoingWebhook), webhookURL: text(.webhookUrl),
        webhookURLToken: text(.webhookUrlToken).map(Secret.init))
    }
  }
}

extension AccountSettings: CustomStringConvertible, CustomReflectable {
  public var description: String {
    "wid \(wid ?? "none"), typeInstance \(typeInstance?.rawValue ?? "none"), "
      + "outgoingWebhook \(outgoingWebhook.map { $0 ? "yes" : "no" } ?? "none"), webhookUrl \(shownWebhookURL ?? "none")"
  }

  public var customMirror: Mirror {
    Mirror(
      self,
      children: [
        "wid": wid as Any, "typeInstance": typeInstance as Any, "outgoingWebhook": outgoingWebhook as Any,
        "webhookURL": shownWebhookURL as Any, "webhookURLToken": webhookURLToken as Any,
      ])
  }

  private var shownWebhookURL: String? { webhookURL.map { Redaction.redact($0) } }
}
