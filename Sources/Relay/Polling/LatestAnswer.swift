import Curl
import NIOConcurrencyHelpers
import RelayCore

/// The answer that an account's snapshot took over last, as far as it takes to tell whether the next one is the same.
///
/// It is told by its digest. A large one (24 MB with thumbnails) would take about as long to store and to digest as libcurl takes to
/// receive it: while there is room its bytes are kept instead, for libcurl's thread to hold the next answer against as it arrives.
struct LatestAnswer: Sendable {
  let taken: TakenAnswer
  /// Of the answer's bytes.
  let count: Int
  let expectation: ExpectedBody
  private let room: AnswerRoom.Share?

  init(_ body: [UInt8], _ taken: TakenAnswer, room: AnswerRoom.Share?) {
    self.taken = taken
    self.room = room
    count = body.count
    expectation = room == nil ? .digest(BodyDigest(of: body)) : .bytes(body)
  }
}

/// How many bytes of answers are kept from one poll to the next, over all accounts.
final class AnswerRoom: Sendable {
  /// As much as the largest answer takes, which there must be memory for anyway.
  static let size = GreenAPIClient.largestAnswer
  /// An answer shorter than this stays in the processor's cache while it is received and digested.
  static let leastAnswer = 512 << 10
  /// An account that is asked less often doesn't keep its answer: the memory would lie idle.
  static let longestInterval = Duration.seconds(10)

  private let free = NIOLockedValueBox(size)

  /// Room that has been given to an answer; free again when this goes.
  final class Share: Sendable {
    private let room: AnswerRoom
    private let size: Int

    fileprivate init(_ room: AnswerRoom, _ size: Int) {
      self.room = room
      self.size = size
    }

    deinit { room.free.withLockedValue { [size] in $0 += size } }
  }

  /// `nil` when the answer isn't worth it or there is no room.
  func share(for size: Int, askedAgainIn interval: Duration) -> Share? {
    guard size >= Self.leastAnswer, interval <= Self.longestInterval else { return nil }
    let isFree = free.withLockedValue { free in
      guard free >= size else { return false }
      free -= size
      return true
    }
    return isFree ? Share(self, size) : nil
  }
}
