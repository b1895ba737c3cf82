/// A request on its way into the client, under a number by which the caller knows it again.
public struct Transfer: Sendable {
  /// Different from those of all transfers that run for the same sink.
  public var tag: UInt64
  public var request: HTTPRequest

  public init(tag: UInt64, request: HTTPRequest) {
    self.tag = tag
    self.request = request
  }
}

/// The end of a transfer. Each one started ends exactly once, whatever happens.
public struct Completion: Sendable {
  public let tag: UInt64
  public let result: Result<HTTPResponse, CurlError>
}

/// Where the results of transfers go. Transfers started with the same sink share its batches, and their tags.
public final class CompletionSink: Sendable {
  let take: @Sendable ([Completion]) -> Void

  /// - Parameter take: gets all transfers of this sink that ended in one turn of the client's loop, in the order they
  ///   ended. It is called on the client's thread, where nothing else happens meanwhile: it must return at once. It may
  ///   start and cancel transfers. After the client is shut down it is called where `start` was called.
  public init(_ take: @escaping @Sendable ([Completion]) -> Void) {
    self.take = take
  }
}

/// What the client's thread knows of one sink: its running transfers and the completions to hand over this turn.
final class Mailbox {
  let sink: CompletionSink
  var running: [UInt64: EasyHandle] = [:]
  private var completions: [Completion] = []

  init(_ sink: CompletionSink) {
    self.sink = sink
  }

  /// Adds a completion; true if it is the first since the last delivery.
  func add(_ completion: Completion) -> Bool {
    completions.append(completion)
    return completions.count == 1
  }

  func deliver() {
    let batch = completions
    completions = []
    sink.take(batch)
  }
}
