import Foundation
import GreenAPI

// The JSON that the control API takes; GreenAPISimulator.md describes it.

/// `PUT /control/instances`
struct NewInstance: Decodable {
  let idInstance: IDInstance
  let token: Secret
  let settings: SettingsChange?

  private enum Keys: String, CodingKey, CaseIterable { case idInstance, apiTokenInstance, settings }

  init(from decoder: any Decoder) throws {
    let fields = try decoder.fields(Keys.self)
    idInstance = try fields.idInstance(.idInstance)
    token = Secret(try fields.decode(String.self, forKey: .apiTokenInstance))
    settings = try fields.decodeIfPresent(SettingsChange.self, forKey: .settings)
  }
}

/// `PATCH /control/instances/{idInstance}/settings`: what isn't given stays.
struct SettingsChange: Decodable {
  private let wid: String?
  private let typeInstance: String?
  private let outgoingWebhook: Bool?
  private let webhookURL: String?
  private let webhookURLToken: String?
  private let stateInstance: InstanceSettings.State?
  private let betaAccess: Bool?
  private let quotaExceeded: Bool?

  private enum Keys: String, CodingKey, CaseIterable {
    case wid, typeInstance, outgoingWebhook, webhookUrl, webhookUrlToken, stateInstance, betaAccess, quotaExceeded
  }

  init(from decoder: any Decoder) throws {
    let fields = try decoder.fields(Keys.self)
    wid = try fields.decodeIfPresent(String.self, forKey: .wid)
    typeInstance = try fields.decodeIfPresent(String.self, forKey: .typeInstance)
    outgoingWebhook = try fields.decodeIfPresent(Bool.self, forKey: .outgoingWebhook)
    webhookURL = try fields.decodeIfPresent(String.self, forKey: .webhookUrl)
    webhookURLToken = try fields.decodeIfPresent(String.self, forKey: .webhookUrlToken)
    stateInstance = try fields.decodeIfPresent(InstanceSettings.State.self, forKey: .stateInstance)
    betaAccess = try fields.decodeIfPresent(Bool.self, forKey: .betaAccess)
    quotaExceeded = try fields.decodeIfPresent(Bool.self, forKey: .quotaExceeded)
  }

  func apply(to settings: inout InstanceSettings) {
    func unlessEmpty(_ text: String) -> String? { text.isEmpty ? nil : text }
    if let wid { settings.account.wid = unlessEmpty(wid) }
    if let typeInstance { settings.account.typeInstance = unlessEmpty(typeInstance).map(TypeInstance.init(rawValue:)) }
    if let outgoingWebhook { settings.account.outgoingWebhook = outgoingWebhook }
    if let webhookURL { settings.account.webhookURL = unlessEmpty(webhookURL) }
    if let webhookURLToken { settings.account.webhookURLToken = unlessEmpty(webhookURLToken).map(Secret.init) }
    if let stateInstance { settings.stateInstance = stateInstance }
    if let betaAccess { settings.betaAccess = betaAccess }
    if let quotaExceeded { settings.quotaExceeded = quotaExceeded }
  }
}

/// `POST /control/instances/{idInstance}/messages`
struct NewMessage: Decodable {
  let post: Post

  private enum Keys: String, CodingKey, CaseIterable {
    case text, backgroundColor, font, media, caption, thumbnailSize, idMessage, place, participants, chatId, sendByApi,
      status, timestamp, script, description
  }

  init(from decoder: any Decoder) throws {
    let fields = try decoder.fields(Keys.self)
    let content: Post.Content
    if let kind = try fields.decodeIfPresent(Post.Media.Kind.self, forKey: .media) {
      var media = Post.Media(kind, caption: try fields.decodeIfPresent(String.self, forKey: .caption) ?? "")
      if let size = try fields.decodeIfPresent(Int.self, forKey: .thumbnailSize) {
        media = Post.Media(kind, caption: media.caption, thumbnailSize: size)
      }
      content = .media(media)
    } else {
      content = .text(
        try fields.decodeIfPresent(String.self, forKey: .text) ?? "A simulated status",
        backgroundColor: try fields.decodeIfPresent(String.self, forKey: .backgroundColor) ?? "#228B22",
        font: try fields.decodeIfPresent(String.self, forKey: .font) ?? "SERIF")
    }
    var post = Post(content)
    post.idMessage = try fields.decodeIfPresent(String.self, forKey: .idMessage)
    post.place = try fields.decodeIfPresent(Post.Place.self, forKey: .place) ?? .statuses
    post.participants = try fields.decodeIfPresent([String].self, forKey: .participants) ?? []
    post.chatId = try fields.decodeIfPresent(String.self, forKey: .chatId)
    post.sendByApi = try fields.decodeIfPresent(Bool.self, forKey: .sendByApi) ?? true
    if fields.contains(.status) { post.status = try fields.status(.status) }
    post.timestamp = try fields.decodeIfPresent(Int64.self, forKey: .timestamp)
    if let script = try fields.decodeIfPresent([NewStep].self, forKey: .script) { post.script = script.map(\.step) }
    post.description = try fields.decodeIfPresent(String.self, forKey: .description)
    self.post = post
  }
}

private struct NewStep: Decodable {
  let step: Post.Step

  private enum Keys: String, CodingKey, CaseIterable { case after, status }

  init(from decoder: any Decoder) throws {
    let fields = try decoder.fields(Keys.self)
    let seconds = try fields.decode(Double.self, forKey: .after)
    guard (0...2_592_000).contains(seconds) else {
      throw DecodingError.dataCorruptedError(
        forKey: .after, in: fields, debugDescription: "after is \(seconds); expected seconds, 0 to 2592000")
    }
    step = Post.Step(after: .milliseconds(Int64(seconds * 1_000)), try fields.status(.status))
  }
}

/// `PATCH /control/instances/{idInstance}/messages/{idMessage}`
struct MessageChange: Decodable {
  let status: MessageStatus
  let timestamp: Int64?

  private enum Keys: String, CodingKey, CaseIterable { case status, timestamp }

  init(from decoder: any Decoder) throws {
    let fields = try decoder.fields(Keys.self)
    status = try fields.status(.status)
    timestamp = try fields.decodeIfPresent(Int64.self, forKey: .timestamp)
  }
}

private struct AnyKey: CodingKey {
  let stringValue: String
  var intValue: Int? { nil }

  init(stringValue: String) { self.stringValue = stringValue }
  init?(intValue: Int) { nil }
}

extension Decoder {
  /// The members of an object, none of them unknown: a misspelt one would be left out silently otherwise.
  func fields<Keys: CodingKey & CaseIterable & RawRepresentable<String>>(
    _ keys: Keys.Type
  ) throws -> KeyedDecodingContainer<Keys> {
    let known = Keys.allCases.map(\.rawValue)
    for key in try container(keyedBy: AnyKey.self).allKeys where !known.contains(key.stringValue) {
      let text = "unknown key \"\(key.stringValue)\"; expected some of \(known.joined(separator: ", "))"
      throw DecodingError.dataCorrupted(DecodingError.Context(codingPath: codingPath, debugDescription: text))
    }
    return try container(keyedBy: keys)
  }
}

extension KeyedDecodingContainer {
  func status(_ key: Key) throws -> MessageStatus {
    guard let status = MessageStatus(rawValue: try decode(String.self, forKey: key)) else {
      throw DecodingError.dataCorruptedError(
        forKey: key, in: self, debugDescription: "no status; expected a text that is not empty")
    }
    return status
  }

  func idInstance(_ key: Key) throws -> IDInstance {
    guard let id = IDInstance(rawValue: try decode(Int64.self, forKey: key)) else {
      throw DecodingError.dataCorruptedError(
        forKey: key, in: self, debugDescription: "no idInstance; expected a number of 1 to 18 digits")
    }
    return id
  }
}
