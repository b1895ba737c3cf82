import Foundation

/// What getStateInstance says of an instance. https://green-api.com/en/docs/api/account/GetStateInstance/
public enum InstanceState: Hashable, Sendable {
  case authorized
  case notAuthorized
  case starting
  case blocked
  /// Named `suspended` since July 2026.
  case yellowCard
  case sleepMode
  case pendingPassword
  case pendingCode
  /// The answer was `null`: the instance is still being created.
  case beingCreated
  /// One not known yet.
  case other(String)

  /// - Throws: ``AnswerFault`` when the body is neither an object nor `null`.
  public init(decoding body: [UInt8]) throws(AnswerFault) {
    let fields: Fields?
    do {
      fields = try JSONDecoder().decode(Fields?.self, from: Data(body))
    } catch {
      throw AnswerFault(error, in: body, expecting: .notAnObject)
    }
    self = fields?.stateInstance.map(Self.init(name:)) ?? .beingCreated
  }

  private init(name: String) {
    self =
      switch name.lowercased() {
      case "authorized": .authorized
      case "notauthorized": .notAuthorized
      case "starting": .starting
      case "blocked": .blocked
      case "suspended", "yellowcard": .yellowCard
      case "sleepmode": .sleepMode
      case "pendingpassword": .pendingPassword
      case "pendingcode": .pendingCode
      default: .other(name)
      }
  }

  private struct Fields: Decodable {
    let stateInstance: String?
  }
}

extension APIFailure {
  /// Whether only getStateInstance tells what it means.
  public var isAmbiguous: Bool { kind == .startingOrNotAuthorized }

  /// What it means, now that getStateInstance has said how the instance is. What isn't ambiguous stays as it is, and so does all in a
  /// state that is not known.
  public func resolved(by state: InstanceState) -> APIFailure {
    guard isAmbiguous else { return self }
    func resolved(_ kind: Kind, _ name: String) -> APIFailure {
      let said = detail.isEmpty ? "" : "\(detail); "
      return APIFailure(kind: kind, httpStatus: httpStatus, detail: "\(said)getStateInstance says \(name)")
    }
    return switch state {
    case .notAuthorized: resolved(.notAuthorized, "notAuthorized")
    case .blocked: resolved(.blocked, "blocked")
    case .yellowCard: resolved(.yellowCard, "suspended")
    case .sleepMode: resolved(.sleepMode, "sleepMode")
    case .pendingPassword: resolved(.pendingPassword, "pendingPassword")
    case .pendingCode: resolved(.pendingCode, "pendingCode")
    case .starting: resolved(.starting, "starting")
    // It was starting when it gave the first answer, as it can't have been linked in between.
    case .authorized: resolved(.starting, "authorized by now")
    case .beingCreated: resolved(.starting, "null: it is still being created")
    case .other: self
    }
  }
}
