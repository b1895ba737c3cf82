import Foundation
import NIOConcurrencyHelpers
import RelayStore
import ServiceLifecycle

/// Sends much again, a page at a time, so that it can be watched, and stopped between two pages.
struct Resending: Service {
  /// What became of a page.
  struct Page: Sendable {
    var sent: Int
    /// Those that were looked at and left as they are.
    var passedOver: Int = 0
    /// The last that was looked at; `nil` when nothing was left to look at.
    var last: Int64?
  }

  /// How far it has come.
  struct Progress: Sendable, Hashable {
    var sent = 0
    var passedOver = 0
    /// The last that was looked at.
    var last: Int64?
    var isComplete = false
  }

  /// Roughly, for the picture.
  let total: Int
  /// Where to begin; `nil`: with the oldest.
  let after: Int64?
  /// Does the page after this one; with the `nil` it was given, the first.
  let page: @Sendable (Int64?) async throws -> Page
  private let state = NIOLockedValueBox(Progress())

  init(total: Int, after: Int64?, page: @escaping @Sendable (Int64?) async throws -> Page) {
    self.total = total
    self.after = after
    self.page = page
  }

  var progress: Progress { state.withLockedValue { $0 } }

  func run() async throws {
    var bar = ProgressBar(total: total)
    defer { bar.erase() }
    var cursor = after
    while !Task.isShuttingDownGracefully {
      bar.show(progress.sent + progress.passedOver)
      let page = try await page(cursor)
      state.withLockedValue { state in
        state.sent += page.sent
        state.passedOver += page.passedOver
        state.last = page.last ?? state.last
        state.isComplete = page.last == nil
      }
      guard let last = page.last else { return }
      cursor = last
    }
  }
}
