import Foundation
import NIOConcurrencyHelpers

/// Makes a service that fails soon after each start wait longer and longer before the next one: systemd before 254 starts it again
/// after the same time for ever.
///
/// Starts are counted in a file in `$RUNTIME_DIRECTORY`, which outlives a restart of the unit (`RuntimeDirectoryPreserve=restart`), and
/// no reboot; whoever ends well takes it away.
struct RestartDelay: Sendable {
  /// A start that ended badly, or may yet.
  struct Start: Codable, Sendable, Hashable {
    /// In a row, this one included.
    var count: Int
    /// Seconds on the clock that counts from boot.
    var at: Double
  }

  static let longest = Duration.seconds(300)
  /// What has run for so long is no failure to start.
  static let forgivenAfter = Duration.seconds(900)

  /// What to note of a start now, and how long it is to wait: not at all after one that failed, then 2 s, doubled up to 5 minutes.
  static func next(after latest: Start?, at now: Double) -> (start: Start, delay: Duration) {
    let isForgiven = latest.map { now - $0.at > Double(forgivenAfter.components.seconds) || now < $0.at } ?? true
    let count = isForgiven ? 1 : (latest?.count ?? 0) + 1
    let delay: Duration = count < 3 ? .zero : min(.seconds(1 << min(count - 2, 16)), longest)
    return (Start(count: count, at: now), delay)
  }

  private let path: String

  /// nil when systemd keeps no runtime directory for us.
  init?(_ environment: [String: String]) {
    guard let directory = environment["RUNTIME_DIRECTORY"]?.split(separator: ":").first else { return nil }
    path = directory + "/starts.json"
  }

  /// How long the file may take: a start is not to hang on it.
  private static let patience = DispatchTimeInterval.seconds(2)

  /// Notes a start.
  /// - Returns: how long it is to wait. What can't be read or written, or takes too long to be, counts for nothing.
  func begin() async -> Duration {
    await withCheckedContinuation { continuation in
      let once = NIOLockedValueBox<CheckedContinuation<Duration, Never>?>(continuation)
      let end: @Sendable (Duration) -> Void = { delay in once.withLockedValue { $0.take() }?.resume(returning: delay) }
      // A thread of its own, which nobody waits for when the file system does not answer.
      Thread.detachNewThread { end(note()) }
      DispatchQueue.global().asyncAfter(deadline: .now() + Self.patience) { end(.zero) }
    }
  }

  private func note() -> Duration {
    let url = URL(filePath: path)
    let latest = (try? Data(contentsOf: url)).flatMap { try? JSONDecoder().decode(Start.self, from: $0) }
    var time = timespec()
    clock_gettime(CLOCK_BOOTTIME, &time)
    let (start, delay) = Self.next(after: latest, at: Double(time.tv_sec))
    try? JSONEncoder().encode(start).write(to: url)
    return delay
  }

  /// It ended well, or badly in a way that a restart would not change.
  func forget() { unlink(path) }
}
