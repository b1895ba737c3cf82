import Foundation
import GreenAPI

/// One simulated instance: what it has sent, its settings, its limits, and what it answers. Time is passed in; nothing here waits.
public struct SimulatedInstance: Sendable {
  public let idInstance: IDInstance
  public private(set) var settings: InstanceSettings
  public private(set) var journal = Journal()
  public var faults: Faults

  /// What posts of sendTextStatus go through by themselves.
  private let script: [Post.Step]
  private let token: Secret
  private var rateLimit: RateLimit

  public init(
    _ idInstance: IDInstance, token: Secret, settings: InstanceSettings = InstanceSettings(),
    script: [Post.Step] = Post.usualScript, rateLimit: RateLimit = RateLimit(), faults: Faults = Faults()
  ) {
    self.idInstance = idInstance
    self.token = token
    self.settings = settings
    self.script = script
    self.rateLimit = rateLimit
    self.faults = faults
  }

  // MARK: Acting on it

  /// - Returns: The post's `idMessage`.
  public mutating func post(_ post: Post, at now: Date) throws(SimulatorError) -> String {
    guard let idMessage = journal.add(post, at: now) else { throw .messageExists(idInstance, post.idMessage ?? "") }
    return idMessage
  }

  /// - Parameter timestamp: UNIX seconds of the action; `nil`: now.
  public mutating func advance(
    _ idMessage: String, to status: MessageStatus, timestamp: Int64? = nil, at now: Date
  ) throws(SimulatorError) {
    progress(to: now)
    guard journal.advance(idMessage, to: status, timestamp: timestamp ?? now.unixSeconds) else {
      throw .unknownMessage(idInstance, idMessage)
    }
  }

  public mutating func change(settings newValue: InstanceSettings, at now: Date) {
    progress(to: now)
    settings = newValue
  }

  /// Takes the steps due by now in every message.
  public mutating func progress(to now: Date) {
    journal.progress(to: now, moving: settings.account.outgoingWebhook == true)
  }

  // MARK: Answering

  public mutating func answer(_ request: MethodRequest, at now: Date) -> Answer {
    guard request.token == token else { return refused(.wrongToken, request) }
    guard request.hasV3Prefix == (settings.account.typeInstance == .v3) else { return refused(.notFound, request) }
    guard request.isPost == (request.method == .sendTextStatus) else { return .documented(405, request.method) }
    guard rateLimit.admits(request.method, at: now) else { return refused(.rateLimited, request) }
    progress(to: now)
    var answer = refusal(of: request.method).map { refused($0, request) } ?? methodAnswer(request, at: now)
    for effect in faults.effects(on: request.method) { effect.apply(to: &answer, request) }
    return answer
  }

  /// What the instance's condition says before any method is looked at.
  private func refusal(of method: APIMethod) -> ErrorAnswer? {
    switch (method, settings.stateInstance) {
    case (.getStateInstance, _): return nil
    case (_, .starting): return .starting
    case (_, .null): return .startingOrNotAuthorized
    case (.getSettings, _): return nil
    case (_, .notAuthorized), (_, .blocked), (_, .pendingPassword), (_, .pendingCode): return .notAuthorized
    default: break
    }
    if settings.quotaExceeded { return .quotaExceeded }
    let isBeta = [.getOutgoingStatuses, .getStatusStatistic, .sendTextStatus].contains(method)
    return isBeta && !settings.betaAccess ? .noAccess : nil
  }

  private mutating func methodAnswer(_ request: MethodRequest, at now: Date) -> Answer {
    switch request.method {
    case .getStateInstance:
      settings.stateInstance == .null
        ? Answer(.null) : Answer(["stateInstance": .string(settings.stateInstance.rawValue)])
    case .getSettings: Answer(settings.answer)
    case .getOutgoingStatuses: recordsAnswer(request, of: .statuses, at: now)
    case .lastOutgoingMessages: recordsAnswer(request, of: .messages, at: now)
    case .getStatusStatistic: statistic(request)
    case .sendTextStatus: sendTextStatus(request, at: now)
    }
  }

  private func recordsAnswer(_ request: MethodRequest, of place: Post.Place, at now: Date) -> Answer {
    let minutes = request.query["minutes"].map(Int64.init) ?? Journal.defaultMinutes
    guard let minutes, minutes > 0 else { return refused(.badRequest, request) }
    let messages = journal.messages(in: place, minutes: minutes, at: now)
    let wid = settings.account.wid ?? ""
    var answer = Answer(records: messages.map { $0.record(wid: wid, idInstance: idInstance) })
    if place == .statuses {
      answer.shown = messages.map {
        Answer.Shown(idInstance: idInstance, idMessage: $0.idMessage, status: $0.status)
      }
    }
    return answer
  }

  private func refused(_ error: ErrorAnswer, _ request: MethodRequest) -> Answer {
    error.answer(request.method, path: request.path)
  }

  private func statistic(_ request: MethodRequest) -> Answer {
    guard let idMessage = request.query["idMessage"], !idMessage.isEmpty else {
      return refused(.badRequest, request)
    }
    return Answer(JSON.array(journal[idMessage]?.statistic ?? []))
  }

  private mutating func sendTextStatus(_ request: MethodRequest, at now: Date) -> Answer {
    guard
      let text = try? JSONDecoder().decode(TextStatus.self, from: Data(request.body)), !text.message.isEmpty,
      text.message.count <= TextStatus.maximumLength
    else { return refused(.badRequest, request) }
    let content = Post.Content.text(
      text.message, backgroundColor: text.backgroundColor ?? "#228B22", font: text.font ?? "SERIF")
    guard let id = journal.add(Post(content, participants: text.participants ?? [], script: script), at: now) else {
      return refused(.internalError, request)
    }
    return Answer(["idMessage": .string(id)])
  }
}

/// The body of sendTextStatus. https://green-api.com/en/docs/api/statuses/SendTextStatus/
private struct TextStatus: Decodable {
  /// Characters, as documented.
  static let maximumLength = 500

  let message: String
  let backgroundColor: String?
  let font: String?
  let participants: [String]?
}
