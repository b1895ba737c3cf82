import Curl
import Foundation
import GreenAPI
import RelayCore

/// Makes an operator's test of a destination: one marked notification of its own, sent as a delivery would be.
struct DestinationTest: Sendable {
  let client: CurlClient
  let time: any Timekeeper
  let accounts: [IDInstance]
  let identities: [IDInstance: AccountIdentity]

  func exchange(with outlet: ServedOutlet) async -> TestExchange {
    let start = time.now()
    guard let template = outlet.template else {
      let missing: MissingAddress = if case .failure(let missing) = outlet.address { missing } else { .notKnown }
      return TestExchange(destination: outlet.name, missing: missing, at: start)
    }
    let notification = notification(for: outlet.destination, at: start.unix)
    let (request, shownHeaders) = template.test(notification, at: start.unix)
    let clock = ContinuousClock()
    let began = clock.now
    let result: Result<HTTPResponse, CurlError>
    do {
      result = .success(try await client.execute(request))
    } catch {
      result = .failure(error)
    }
    return TestExchange(
      destination: outlet.name, url: template.url.text, requestHeaders: shownHeaders, requestBody: notification.body,
      result: result, startedAt: start, endedAt: time.now(), duration: clock.now - began, redactor: template.redactor)
  }

  /// One that the destination would take, of a message that no account has.
  private func notification(for destination: RelayConfiguration.Destination, at now: UnixTime) -> RelayCore.Notification
  {
    let account = accounts.first { destination.accounts?.contains($0) ?? true } ?? 0
    let identity = identities[account] ?? AccountIdentity(wid: "", typeInstance: .whatsapp)
    let status = destination.statuses?.min { $0.rawValue < $1.rawValue } ?? .sent
    return RelayCore.Notification(
      Announcement(
        idMessage: "statusrelay-test-\(UUID().uuidString.lowercased())", status: status, timestamp: now.seconds,
        chatId: identity.wid, sendByApi: destination.filter.sendByApi ?? true,
        typeMessage: destination.filter.typeMessages?.min() ?? "extendedTextMessage"),
      of: account, identity: identity)
  }
}
