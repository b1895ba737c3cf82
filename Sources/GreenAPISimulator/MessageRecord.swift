import GreenAPI

extension SimulatedMessage {
  /// Who saw a post that everyone may see.
  private static let contacts = ["79990000001@c.us", "79990000002@c.us", "79990000003@c.us"]

  /// The record of getOutgoingStatuses and lastOutgoingMessages, its fields in the documented order.
  /// https://green-api.com/en/docs/api/statuses/GetOutgoingStatuses/
  func record(wid: String, idInstance: IDInstance) -> JSON {
    var members: [JSON.Member] = []
    func add(_ name: String, _ value: JSON) { members.append(JSON.Member(name: name, value: value)) }
    add("type", "outgoing")
    add("idMessage", .string(idMessage))
    add("timestamp", .integer(timestamp))
    add("typeMessage", .string(post.content.typeMessage))
    add("chatId", .string(post.chatId ?? wid))
    switch post.content {
    case .text(let text, let backgroundColor, let font):
      add("textMessage", .string(text))
      add(
        "extendedTextMessage",
        [
          "text": .string(text), "backgroundColor": .string(backgroundColor), "font": .string(font),
          "participants": .strings(post.participants),
        ])
    case .media(let media):
      let fileName = "\(idMessage).\(media.kind.fileExtension)"
      add("participants", .strings(post.participants))
      add("downloadUrl", .string("https://sw-media.storage.greenapi.net/\(idInstance)/\(fileName)"))
      add("caption", .string(media.caption))
      add("fileName", .string(fileName))
      add("jpegThumbnail", .string(media.thumbnail))
      add("mimeType", .string(media.kind.mimeType))
    }
    add("statusMessage", .string(status.rawValue))
    add("sendByApi", .boolean(post.sendByApi))
    if status.rank == nil, let description = post.description { add("description", .string(description)) }
    return .object(members)
  }

  /// The answer of getStatusStatistic: everyone who may see the post is as far as the post itself; nobody before it was sent.
  /// https://green-api.com/en/docs/api/statuses/GetStatusStatistic/
  var statistic: [JSON] {
    guard let rank = status.rank, rank > 0 else { return [] }
    return (post.participants.isEmpty ? Self.contacts : post.participants).map {
      ["participant": .string($0), "timestamp": .integer(timestamp), "status": .string(status.rawValue)]
    }
  }
}

extension Post.Content {
  var typeMessage: String {
    switch self {
    case .text: "extendedTextMessage"
    case .media(let media): "\(media.kind.rawValue)Message"
    }
  }
}

extension Post.Media {
  /// Base64 that begins as a JPEG file does.
  fileprivate var thumbnail: String {
    let beginning = "/9j/2wCEABALDA4MChAODQ4SERATGCgaGBYWGDEjJ"
    let repeats = thumbnailSize / beginning.count + 1
    return String(String(repeating: beginning, count: repeats).prefix(thumbnailSize))
  }
}

extension Post.Media.Kind {
  fileprivate var fileExtension: String {
    switch self {
    case .image: "jpg"
    case .video: "mp4"
    case .audio: "ogg"
    }
  }

  fileprivate var mimeType: String {
    switch self {
    case .image: "image/jpeg"
    case .video: "video/mp4"
    case .audio: "audio/ogg; codecs=opus"
    }
  }
}
