/// Just enough of an HTTP/2 server: answers every request with status 200 and the body "two".
///
/// Frames are described in RFC 9113, 4.1: length in three bytes, type, flags, and the stream's number in four.
package func serveHTTP2(_ connection: ServerConnection, onRequest: () -> Void = {}) {
  enum FrameType {
    static let data: UInt8 = 0
    static let headers: UInt8 = 1
    static let settings: UInt8 = 4
    static let ping: UInt8 = 6
  }
  func frame(_ type: UInt8, flags: UInt8, stream: [UInt8] = [0, 0, 0, 0], _ payload: [UInt8] = []) -> [UInt8] {
    [0, 0, UInt8(payload.count), type, flags] + stream + payload
  }

  guard connection.readBytes(24) == Array("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".utf8) else { return }
  connection.send(frame(FrameType.settings, flags: 0))
  while let head = connection.readBytes(9) {
    let length = Int(head[0]) << 16 | Int(head[1]) << 8 | Int(head[2])
    guard let payload = connection.readBytes(length) else { return }
    let isLast = head[4] & 0x1 != 0
    switch head[3] {
    case FrameType.settings where !isLast:
      connection.send(frame(FrameType.settings, flags: 0x1))
    case FrameType.ping where !isLast:
      connection.send(frame(FrameType.ping, flags: 0x1, payload))
    case FrameType.headers where isLast, FrameType.data where isLast:
      onRequest()
      let stream = Array(head[5...])
      // 0x88 is ":status: 200" in HPACK's static table; flag 0x4 ends the headers, 0x1 the stream.
      connection.send(
        frame(FrameType.headers, flags: 0x4, stream: stream, [0x88])
          + frame(FrameType.data, flags: 0x1, stream: stream, Array("two".utf8)))
    default:
      break
    }
  }
}
