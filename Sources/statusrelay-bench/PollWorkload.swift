import CBenchPeer
import Foundation

/// What the cases about polling have in common: records of a given size, accounts that are polled once a second, and what a poll costs.
enum PollWorkload {
  /// Bytes of a record without a thumbnail, and of one with it.
  static let plainRecord = 400
  static let recordWithThumbnail = 2_400

  /// So many posts, each with its own id and so many bytes long, all `sent`: written so that a peer can make them `delivered`.
  static func records(_ count: Int, of size: Int) -> String {
    let now = Int(Date().timeIntervalSince1970)
    // Base64 of nothing in particular: a thumbnail has no pattern that a scanner could profit from.
    let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)
    var state: UInt64 = 1
    var text: [UInt8] = Array("[".utf8)
    for index in 0..<count {
      if index > 0 { text.append(UInt8(ascii: ",")) }
      let start = text.count
      text +=
        """
        {"type":"outgoing","idMessage":"BAE5\(String(format: "%016X", index))","timestamp":\(now),\
        "statusMessage":\(bench_peer_before),"sendByApi":true,"typeMessage":"imageMessage","chatId":"79991234567@c.us",\
        "participants":[],"downloadUrl":"https://media.green-api.com/1101000001/\(index).jpg","caption":"Status \(index)",\
        "fileName":"\(index).jpg","mimeType":"image/jpeg","jpegThumbnail":"
        """.utf8
      while text.count - start < size - 2 {
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        text.append(alphabet[Int(state >> 58)])
      }
      text += "\"}".utf8
    }
    return String(decoding: text + Array("]".utf8), as: UTF8.self)
  }

  /// One account with all that getSettings could say.
  /// - Parameter interval: seconds between polls; GREEN-API allows one a second.
  static func configuration(
    stateDirectory: String, source: Peer, destinations: [String: String], interval: Int = 1
  ) -> String {
    let list = destinations.sorted { $0.key < $1.key }.map { name, url in "  - {name: \(name), url: \"\(url)\"}" }
    return """
      stateDirectory: \(stateDirectory)
      admin: {listen: none}
      accounts:
        - {idInstance: \(Workload.idInstance), apiUrl: "\(source.url)", apiTokenInstance: bench, wid: 79991234567@c.us, \
      typeInstance: whatsapp, poll: {interval: \(interval)s, idleInterval: \(interval)s}}
      destinations:
      \(list.joined(separator: "\n"))

      """
  }

  /// A directory for one measurement, gone with it.
  static func inDirectory<T>(_ body: (String) async throws -> T) async throws -> T {
    let directory = FileManager.default.temporaryDirectory.path + "/statusrelay-bench-" + UUID().uuidString
    defer { try? FileManager.default.removeItem(atPath: directory) }
    return try await body(directory)
  }

  /// Microseconds of processor time that `process` spends on a poll, over at least so many.
  /// - Parameter pause: from a poll's request until its work is done. With many accounts there is no such moment, and it
  ///   doesn't matter: the polls that are under way at the beginning and at the end make up for each other.
  static func cost(of polls: Int, by process: ChildProcess, at source: Peer, pause: Duration = .zero) async throws
    -> Double
  {
    func state() async throws -> (polls: Int, time: Duration) {
      let before = source.polls
      try await waitUntil("the next poll is made", within: .seconds(60)) { source.polls > before }
      try await Task.sleep(for: pause)
      return (source.polls, try process.processorTime)
    }
    let start = try await state()
    try await waitUntil("\(polls) polls are made", within: .seconds(600)) { source.polls >= start.polls + polls - 1 }
    let end = try await state()
    return (end.time - start.time) / .microseconds(1) / Double(end.polls - start.polls)
  }
}
