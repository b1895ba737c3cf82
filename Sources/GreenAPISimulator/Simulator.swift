import Foundation
import GreenAPI

/// A GREEN-API of simulated instances: what they answer, and what may be done to them. ``SimulatorServer`` puts it behind HTTP.
public actor Simulator {
  public struct Configuration: Sendable {
    /// For each instance and method; above it the answer is 429. `nil`: no limit. GREEN-API's is 1.
    public var requestsPerSecond: Double?
    /// Decides which requests a fault with a probability befalls.
    public var seed: UInt64
    /// What posts of sendTextStatus go through by themselves.
    public var script: [Post.Step]

    public init(requestsPerSecond: Double? = 1, seed: UInt64 = 0, script: [Post.Step] = Post.usualScript) {
      self.requestsPerSecond = requestsPerSecond
      self.seed = seed
      self.script = script
    }
  }

  private let configuration: Configuration
  private let now: @Sendable () -> Date
  private var instances: [IDInstance: SimulatedInstance] = [:]
  private var observations = Observations()

  /// - Parameter now: The clock of GREEN-API's side, for timestamps, scripts, limits and the Date header.
  public init(configuration: Configuration = Configuration(), now: @escaping @Sendable () -> Date = { Date.now }) {
    self.configuration = configuration
    self.now = now
  }

  // MARK: Instances

  /// - Throws: ``SimulatorError/instanceExists(_:)``.
  public func addInstance(
    _ idInstance: IDInstance, token: Secret, settings: InstanceSettings = InstanceSettings()
  ) throws(SimulatorError) {
    guard instances[idInstance] == nil else { throw .instanceExists(idInstance) }
    instances[idInstance] = SimulatedInstance(
      idInstance, token: token, settings: settings, script: configuration.script,
      rateLimit: RateLimit(requestsPerSecond: configuration.requestsPerSecond),
      faults: Faults(seed: configuration.seed &+ UInt64(idInstance.rawValue)))
  }

  /// In ascending order.
  public var idInstances: [IDInstance] { instances.keys.sorted() }

  public func settings(of idInstance: IDInstance) throws(SimulatorError) -> InstanceSettings {
    try instance(idInstance).settings
  }

  /// Takes effect at once (at GREEN-API it takes up to five minutes).
  public func changeSettings(
    of idInstance: IDInstance, _ change: @Sendable (inout InstanceSettings) -> Void
  ) throws(SimulatorError) {
    let now = now()
    try with(idInstance) { instance in
      var settings = instance.settings
      change(&settings)
      instance.change(settings: settings, at: now)
    }
  }

  // MARK: Messages

  /// Puts a post into the journal, to be shown from the next answer on.
  /// - Returns: Its `idMessage`.
  @discardableResult
  public func post(_ post: Post, on idInstance: IDInstance) throws(SimulatorError) -> String {
    let now = now()
    return try with(idInstance) { instance throws(SimulatorError) in try instance.post(post, at: now) }
  }

  /// Puts a message into a state by hand; the rest of its script is dropped.
  /// - Parameter timestamp: UNIX seconds of the action; `nil`: now.
  public func advance(
    _ idMessage: String, on idInstance: IDInstance, to status: MessageStatus, timestamp: Int64? = nil
  ) throws(SimulatorError) {
    let now = now()
    try with(idInstance) { instance throws(SimulatorError) in
      try instance.advance(idMessage, to: status, timestamp: timestamp, at: now)
    }
  }

  /// Every message of the journal with its states, in the order posted.
  public func messages(of idInstance: IDInstance) throws(SimulatorError) -> [SimulatedMessage] {
    let now = now()
    return try with(idInstance) { instance in
      instance.progress(to: now)
      return instance.journal.all
    }
  }

  // MARK: Faults

  /// Sets the faults of an instance, in place of those before; none: everything works again.
  public func setFaults(_ faults: [Fault], on idInstance: IDInstance) throws(SimulatorError) {
    try with(idInstance) { $0.faults.set(faults) }
  }

  public func faults(on idInstance: IDInstance) throws(SimulatorError) -> [Fault] {
    try instance(idInstance).faults.active
  }

  // MARK: Observing

  /// Every state of every message that a successful getOutgoingStatuses answer carried, in the order first shown.
  public var shown: [ShownState] { observations.shown }

  /// The same of one message, in the order first shown.
  public func shown(_ idMessage: String, on idInstance: IDInstance) throws(SimulatorError) -> [ShownState] {
    try shownStates(of: idMessage, in: instance(idInstance))
  }

  /// Every message of an instance with what was shown of it.
  func messagesWithShown(
    of idInstance: IDInstance
  ) throws(SimulatorError) -> [(message: SimulatedMessage, shown: [ShownState])] {
    let messages = try messages(of: idInstance)
    let instance = try instance(idInstance)
    return messages.map { ($0, shownStates(of: $0.idMessage, in: instance)) }
  }

  private func shownStates(of idMessage: String, in instance: SimulatedInstance) -> [ShownState] {
    var statuses: [MessageStatus] = []
    for state in instance.journal[idMessage]?.history ?? [] where !statuses.contains(state.status) {
      statuses.append(state.status)
    }
    return statuses.compactMap {
      observations[Answer.Shown(idInstance: instance.idInstance, idMessage: idMessage, status: $0)]
    }
    .sorted { $0.firstShownAt < $1.firstShownAt }
  }

  /// The requests of every method of every instance, refused ones included.
  public var requests: [RequestCount] { observations.requests }

  // MARK: Answering

  /// The answer to a request, and the Date header that goes with it. ``noteShown(_:)`` is told when it is on its way.
  public func answer(_ request: MethodRequest) -> (answer: Answer, date: Date) {
    let now = now()
    guard var instance = instances.removeValue(forKey: request.idInstance) else {
      return (ErrorAnswer.noAccess.answer(request.method, path: request.path), now)
    }
    let answer = instance.answer(request, at: now)
    instances[request.idInstance] = instance
    observations.note(request: request.method, of: request.idInstance, answeredWith: answer.status, at: now)
    return (answer, now.addingTimeInterval(Double(answer.dateOffset)))
  }

  /// Counts what an answer shows.
  public func noteShown(_ answer: Answer) { observations.note(shown: answer.shown, at: now()) }

  private func instance(_ idInstance: IDInstance) throws(SimulatorError) -> SimulatedInstance {
    guard let instance = instances[idInstance] else { throw .unknownInstance(idInstance) }
    return instance
  }

  /// Changes an instance in place: out of the dictionary and back, so that its journal isn't copied.
  private func with<Result>(
    _ idInstance: IDInstance, _ change: (inout SimulatedInstance) throws(SimulatorError) -> Result
  ) throws(SimulatorError) -> Result {
    guard var instance = instances.removeValue(forKey: idInstance) else { throw .unknownInstance(idInstance) }
    defer { instances[idInstance] = instance }
    return try change(&instance)
  }
}
