import Foundation

/// What GREEN-API is made to answer.
enum Workload {
  static let idInstance = 1_101_000_001
  static let settings = #"{"wid":"79991234567@c.us","typeInstance":"whatsapp","outgoingWebhook":"yes"}"#

  /// So many text posts, each with its own id, all in this status.
  static func records(_ count: Int, status: String) -> String {
    let now = Int(Date().timeIntervalSince1970)
    let records = (0..<count).map { index in
      """
      {"type":"outgoing","idMessage":"BAE5\(String(format: "%016X", index))","timestamp":\(now),"statusMessage":"\(status)",\
      "sendByApi":true,"typeMessage":"extendedTextMessage","chatId":"79991234567@c.us","participants":[],\
      "extendedTextMessage":{"text":"Status number \(index)","backgroundColor":"#228B22","font":"SERIF"}}
      """
    }
    return "[" + records.joined(separator: ",") + "]"
  }

  /// One account and these destinations.
  /// - Parameter account: more of its keys.
  static func configuration(
    stateDirectory: String, source: Peer, destinations: [String: String], account: String = "startFrom: beginning"
  ) -> String {
    let list = destinations.sorted { $0.key < $1.key }.map { name, url in "  - {name: \(name), url: \"\(url)\"}" }
    return """
      stateDirectory: \(stateDirectory)
      admin: {listen: none}
      accounts:
        - {idInstance: \(idInstance), apiUrl: "\(source.url)", apiTokenInstance: bench, \(account)}
      destinations:
      \(list.joined(separator: "\n"))

      """
  }
}
