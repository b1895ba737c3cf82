import NIOConcurrencyHelpers

/// The calls that wait for the disk, so that their callers can be let go though it never answers.
///
/// Each call ends once: by ``end(_:)`` when it has run, or by ``abandon()``.
final class PendingCalls: Sendable {
  private struct State {
    var calls: [UInt64: @Sendable (OutboxError) -> Void] = [:]
    var latest: UInt64 = 0
    var isAbandoned = false
  }

  private let state = NIOLockedValueBox(State())
  private let path: String

  /// - Parameter path: of the database, for the error.
  init(path: String) { self.path = path }

  /// - Parameter fail: called when the call is abandoned, also at once.
  /// - Returns: its number; `nil` when it has failed already.
  func begin(_ fail: @escaping @Sendable (OutboxError) -> Void) -> UInt64? {
    let number: UInt64? = state.withLockedValue { state in
      guard !state.isAbandoned else { return nil }
      state.latest += 1
      state.calls[state.latest] = fail
      return state.latest
    }
    if number == nil { fail(.abandoned(path)) }
    return number
  }

  /// - Returns: whether the caller still waits for it.
  func end(_ number: UInt64) -> Bool {
    state.withLockedValue { $0.calls.removeValue(forKey: number) != nil }
  }

  func abandon() {
    let calls = state.withLockedValue { state in
      state.isAbandoned = true
      defer { state.calls = [:] }
      return state.calls
    }
    for fail in calls.values { fail(.abandoned(path)) }
  }

  var isAbandoned: Bool { state.withLockedValue { $0.isAbandoned } }
}
