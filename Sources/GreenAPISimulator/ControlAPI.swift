import Foundation
import GreenAPI
import Hummingbird

/// The simulator's own API, for other processes: creating instances, posting, spoiling answers, looking at what happened.
///
/// Paths and bodies are described in `GreenAPISimulator.md`. What is wrong with a request is said in `{"error":{"message":…}}`.
/// No answer holds a token.
struct ControlAPI: Sendable {
  private let simulator: Simulator

  init(_ simulator: Simulator) { self.simulator = simulator }

  func responder() -> some HTTPResponder<ControlContext> {
    let router = Router(context: ControlContext.self)
    let control = router.group("control")
    control.get("requests") { _, _ in await simulator.requests }
    control.get("shown") { _, _ in await simulator.shown }
    control.get("instances", use: instances)
    control.put("instances", use: createInstance)
    control.post("instances", use: createInstance)
    let instance = control.group("instances/:idInstance")
    instance.patch("settings", use: changeSettings)
    instance.get("messages", use: messages)
    instance.post("messages", use: post)
    instance.patch("messages/:idMessage", use: advance)
    instance.get("faults") { _, context in try await simulator.faults(on: context.idInstance) }
    instance.put("faults", use: setFaults)
    instance.delete("faults") { _, context in
      try await simulator.setFaults([], on: context.idInstance)
      return HTTPResponse.Status.noContent
    }
    return router.buildResponder()
  }

  @Sendable private func instances(_ request: Request, _ context: ControlContext) async throws -> [InstanceView] {
    var views: [InstanceView] = []
    for idInstance in await simulator.idInstances { views.append(try await view(of: idInstance)) }
    return views
  }

  @Sendable private func createInstance(
    _ request: Request, _ context: ControlContext
  ) async throws -> EditedResponse<InstanceView> {
    let new = try await request.decode(as: NewInstance.self, context: context)
    var settings = InstanceSettings()
    new.settings?.apply(to: &settings)
    try await simulator.addInstance(new.idInstance, token: new.token, settings: settings)
    return EditedResponse(status: .created, response: try await view(of: new.idInstance))
  }

  @Sendable private func changeSettings(_ request: Request, _ context: ControlContext) async throws -> InstanceView {
    let change = try await request.decode(as: SettingsChange.self, context: context)
    let idInstance = try context.idInstance
    try await simulator.changeSettings(of: idInstance) { change.apply(to: &$0) }
    return try await view(of: idInstance)
  }

  @Sendable private func messages(_ request: Request, _ context: ControlContext) async throws -> [MessageView] {
    try await simulator.messagesWithShown(of: context.idInstance).map(MessageView.init)
  }

  @Sendable private func post(
    _ request: Request, _ context: ControlContext
  ) async throws -> EditedResponse<[String: String]> {
    let new = try await request.decode(as: NewMessage.self, context: context)
    let idMessage = try await simulator.post(new.post, on: context.idInstance)
    return EditedResponse(status: .created, response: ["idMessage": idMessage])
  }

  @Sendable private func advance(_ request: Request, _ context: ControlContext) async throws -> HTTPResponse.Status {
    let change = try await request.decode(as: MessageChange.self, context: context)
    try await simulator.advance(
      context.parameters.require("idMessage"), on: context.idInstance, to: change.status, timestamp: change.timestamp)
    return .noContent
  }

  @Sendable private func setFaults(_ request: Request, _ context: ControlContext) async throws -> [Fault] {
    let faults = try await request.decode(as: [Fault].self, context: context)
    try await simulator.setFaults(faults, on: context.idInstance)
    return try await simulator.faults(on: context.idInstance)
  }

  private func view(of idInstance: IDInstance) async throws -> InstanceView {
    InstanceView(idInstance, try await simulator.settings(of: idInstance))
  }
}

/// What the control API needs of a request: dates go out as UNIX seconds with their fraction.
struct ControlContext: RequestContext {
  var coreContext: CoreRequestContextStorage

  init(source: ApplicationRequestContextSource) { coreContext = CoreRequestContextStorage(source: source) }

  var responseEncoder: JSONEncoder {
    let encoder = JSONEncoder()
    encoder.dateEncodingStrategy = .secondsSince1970
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    return encoder
  }

  var idInstance: IDInstance {
    get throws {
      let text = try parameters.require("idInstance")
      guard let id = IDInstance(text) else {
        throw HTTPError(.badRequest, message: "\"\(text)\" is no idInstance: expected a number of 1 to 18 digits")
      }
      return id
    }
  }
}

private struct InstanceView: ResponseCodable {
  let idInstance: IDInstance
  let wid: String?
  let typeInstance: String?
  let outgoingWebhook: Bool
  let stateInstance: InstanceSettings.State
  let betaAccess: Bool
  let quotaExceeded: Bool

  init(_ idInstance: IDInstance, _ settings: InstanceSettings) {
    self.idInstance = idInstance
    wid = settings.account.wid
    typeInstance = settings.account.typeInstance?.rawValue
    outgoingWebhook = settings.account.outgoingWebhook == true
    stateInstance = settings.stateInstance
    betaAccess = settings.betaAccess
    quotaExceeded = settings.quotaExceeded
  }
}

private struct MessageView: ResponseEncodable {
  struct State: Encodable {
    let status: String
    let timestamp: Int64
  }

  let idMessage: String
  let place: Post.Place
  let status: String
  let timestamp: Int64
  let history: [State]
  let shown: [ShownState]

  init(message: SimulatedMessage, shown: [ShownState]) {
    idMessage = message.idMessage
    place = message.post.place
    status = message.status.rawValue
    timestamp = message.timestamp
    history = message.history.map { State(status: $0.status.rawValue, timestamp: $0.timestamp) }
    self.shown = shown
  }
}

extension Fault: ResponseEncodable {}
extension ShownState: ResponseEncodable {}
extension RequestCount: ResponseEncodable {}

extension SimulatorError: HTTPResponseError {
  public var status: HTTPResponse.Status {
    switch self {
    case .unknownInstance, .unknownMessage: .notFound
    case .instanceExists, .messageExists: .conflict
    case .cannotListen, .stopped: .internalServerError
    }
  }

  public func response(from request: Request, context: some RequestContext) throws -> Response {
    try HTTPError(status, message: description).response(from: request, context: context)
  }
}
