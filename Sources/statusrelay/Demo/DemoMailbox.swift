import Foundation
import Logging
import NIOConcurrencyHelpers

/// What the consumer and the relay's log have to tell, until the director comes for it.
final class DemoMailbox: Sendable {
  enum Letter: Sendable {
    case receipt(Receipt)
    case log(String, at: Date)
  }

  private let letters = NIOLockedValueBox<[Letter]>([])

  func put(_ letter: Letter) { letters.withLockedValue { $0.append(letter) } }

  func takeAll() -> [Letter] {
    letters.withLockedValue { letters in
      defer { letters = [] }
      return letters
    }
  }
}

/// What the relay logs of itself goes into the mailbox. Single recordings and deliveries do not: the outbox tells those better.
struct DemoLogHandler: LogHandler {
  let mailbox: DemoMailbox
  var metadata: Logger.Metadata = [:]
  var logLevel = Logger.Level.notice

  init(mailbox: DemoMailbox) { self.mailbox = mailbox }

  subscript(metadataKey key: String) -> Logger.Metadata.Value? {
    get { metadata[key] }
    set { metadata[key] = newValue }
  }

  func log(event: LogEvent) {
    guard event.metadata?["delivery"] == nil else { return }
    mailbox.put(.log("\(event.message)", at: .now))
  }
}
