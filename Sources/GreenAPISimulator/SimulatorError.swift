import GreenAPI

/// Why the simulator could not do what it was told.
public enum SimulatorError: Error, Hashable, Sendable {
  case unknownInstance(IDInstance)
  case instanceExists(IDInstance)
  case unknownMessage(IDInstance, String)
  case messageExists(IDInstance, String)
  case cannotListen(host: String, port: Int, reason: String)
  /// The server ended, or was never run, before anyone could connect.
  case stopped
}

extension SimulatorError: CustomStringConvertible {
  public var description: String {
    switch self {
    case .unknownInstance(let id):
      "there is no simulated instance \(id): create it first, with PUT /control/instances"
    case .instanceExists(let id):
      "there is a simulated instance \(id) already: use it, or choose another idInstance"
    case .unknownMessage(let id, let idMessage):
      "instance \(id) has no message \(idMessage): GET /control/instances/\(id)/messages lists those it has"
    case .messageExists(let id, let idMessage):
      "instance \(id) has a message \(idMessage) already: choose another idMessage, or leave it out"
    case .cannotListen(let host, let port, let reason):
      "the simulator can't listen on \(host):\(port) (\(reason)): choose another address, or port 0 for any free one"
    case .stopped: "the simulator has stopped: start a new one"
    }
  }
}
