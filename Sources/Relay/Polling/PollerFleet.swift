import GreenAPI
import RelayCore

/// One poller for each configured account, exchanged as the configuration is.
///
/// An account never has two pollers: a changed one starts when the one before it has ended, its last poll recorded or not done.
actor PollerFleet {
  private let services: Poller.Services
  private let events: AsyncStream<Event>
  private let inbox: AsyncStream<Event>.Continuation

  private var running: [IDInstance: Running] = [:]
  /// What to start when the running poller of the account has ended.
  private var waiting: [IDInstance: RelayConfiguration.Account] = [:]
  /// When a poller of the account ended last.
  private var endings: [IDInstance: SteadyTime] = [:]
  private var isStopping = false

  private struct Running {
    var account: RelayConfiguration.Account
    /// Finished to make the poller end.
    var life: AsyncStream<Never>.Continuation
    var isEnding = false

    mutating func end() {
      isEnding = true
      life.finish()
    }
  }

  private enum Event: Sendable {
    case adopt([RelayConfiguration.Account])
    case ended(IDInstance)
    case stop
  }

  init(services: Poller.Services) {
    self.services = services
    (events, inbox) = AsyncStream.makeStream()
  }

  /// Takes over a configuration: starts, ends and exchanges pollers; those of unchanged accounts go on untouched.
  nonisolated func adopt(_ accounts: [RelayConfiguration.Account]) {
    // At once, though nothing may be running yet: whoever asks how the accounts fare finds them from here on.
    for account in accounts { services.board.enter(account.idInstance, at: services.time.now()) }
    inbox.yield(.adopt(accounts))
  }

  /// No new polls; ``run()`` returns when the running ones are recorded or called off.
  nonisolated func stop() { inbox.yield(.stop) }

  func run() async {
    await withDiscardingTaskGroup { group in
      for await event in events {
        for account in handle(event) { start(account, in: &group) }
        if isStopping && running.isEmpty { break }
      }
      group.cancelAll()
    }
  }

  /// - Returns: the accounts to start polling.
  private func handle(_ event: Event) -> [RelayConfiguration.Account] {
    switch event {
    case .adopt(let accounts):
      guard !isStopping else { return [] }
      return adopted(accounts)
    case .ended(let id):
      running[id] = nil
      endings[id] = services.time.now().steady
      // Until the next one says more, what the last one knew stands, its counts above all.
      if let next = waiting.removeValue(forKey: id) { return [next] }
      services.board.remove(id)
      return []
    case .stop:
      isStopping = true
      waiting = [:]
      for id in running.keys { running[id]?.end() }
      return []
    }
  }

  private func adopted(_ accounts: [RelayConfiguration.Account]) -> [RelayConfiguration.Account] {
    waiting = [:]
    let wanted = Set(accounts.map(\.idInstance))
    for id in running.keys where !wanted.contains(id) { running[id]?.end() }
    return accounts.filter { account in
      guard let poller = running[account.idInstance] else { return true }
      if poller.isEnding || poller.account != account {
        waiting[account.idInstance] = account
        running[account.idInstance]?.end()
      }
      return false
    }
  }

  private func start(_ account: RelayConfiguration.Account, in group: inout DiscardingTaskGroup) {
    let (life, continuation) = AsyncStream<Never>.makeStream()
    running[account.idInstance] = Running(account: account, life: continuation)
    let poller = Poller(
      account: account, services: services,
      notBefore: endings[account.idInstance].map { $0 + PollPolicy.minimumInterval })
    group.addTask(executorPreference: services.executor) { [inbox] in
      await withTaskGroup { pair in
        pair.addTask { await poller.run() }
        pair.addTask { for await _ in life {} }
        await pair.next()
        pair.cancelAll()
      }
      inbox.yield(.ended(account.idInstance))
    }
  }
}
