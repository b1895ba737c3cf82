import Foundation
import HTTPTypes
import Hummingbird
import HummingbirdCore
import Logging
import NIOCore
import ServiceLifecycle

/// The one place where a ``Consumer`` decides, a request at a time, however many come at once.
actor ConsumerDesk {
  private var consumer: Consumer
  private let report: @Sendable (Receipt) -> Void

  /// - Parameter report: gets every receipt, one after another.
  init(_ policy: Consumer.Policy, report: @escaping @Sendable (Receipt) -> Void) {
    consumer = Consumer(policy)
    self.report = report
  }

  func receive(_ request: ReceivedRequest) -> Receipt {
    let receipt = consumer.receive(request, at: .now)
    report(receipt)
    return receipt
  }

  func setDown(_ isDown: Bool) { consumer.isDown = isDown }

  var tally: Consumer.Tally { consumer.tally }
}

/// A ``Consumer`` behind HTTP, on any path.
struct ConsumerServer: Service {
  let address: ListenAddress
  let desk: ConsumerDesk
  /// Before each answer.
  var delay = Duration.zero
  /// Told the port once it listens.
  var onListening: @Sendable (Int) -> Void = { _ in }

  /// Serves until it is cancelled or shut down gracefully.
  /// - Throws: ``ListenFailure``.
  func run() async throws {
    let quiet = Logger(label: "statusrelay.consumer") { _ in SwiftLogNoOpLogHandler() }
    let server = try HTTPServerBuilder.http1().buildServer(
      configuration: ServerConfiguration(address: .hostname(address.host, port: address.port)),
      eventLoopGroup: EventLoopGroupProvider.singleton.eventLoopGroup, logger: quiet
    ) { request, writer, _ in
      try await answer(request, to: writer)
    } onServerRunning: { channel in
      onListening(channel.localAddress?.port ?? address.port)
    }
    do {
      try await server.run()
    } catch {
      throw ListenFailure(address, error)
    }
  }

  private func answer(_ request: Request, to writer: consuming ResponseWriter) async throws {
    var request = request
    var received = ReceivedRequest(
      method: request.method.rawValue, path: "\(request.uri)",
      headers: request.headers.map { ReceivedRequest.Header(name: $0.name.rawName, value: $0.value) })
    do {
      let body = try await request.collectBody(upTo: ReceivedRequest.largestBody)
      received.body = Array(body.readableBytesView)
    } catch is NIOTooManyBytesError {
      received.isTooLarge = true
    }
    let receipt = await desk.receive(received)
    if delay > .zero {
      // An end that is asked for isn't held up by it.
      try? await cancelWhenGracefulShutdown { try await Task.sleep(for: delay) }
    }
    let text = receipt.answer.reason.map { "\($0)\n" } ?? ""
    try await Self.write(status: receipt.answer.httpStatus, text, to: writer)
  }

  private static func write(status: Int, _ text: String, to writer: consuming ResponseWriter) async throws {
    // Neither has a body, not even an empty one: RFC 9110, sections 15.3.5 and 15.4.5.
    let isBodiless = status == 204 || status == 304
    var head = HTTPFields()
    if !isBodiless {
      head[.contentType] = "text/plain; charset=utf-8"
      head[.contentLength] = "\(text.utf8.count)"
    }
    let body = isBodiless ? ResponseBody() : ResponseBody(byteBuffer: ByteBuffer(string: text))
    try await writer.write(
      response: HTTPResponse(status: HTTPResponse.Status(code: status), headerFields: head), body: body)
  }
}
