import GreenAPI
import GreenAPISimulator

/// What happens in the demo and when: statuses are posted and move on, and the consumer is down for a while.
///
/// Told what time it is, it says what is to be done by then. Every state lasts for some polls, so that none is missed but by a machine
/// that is very busy.
struct DemoScript: Sendable {
  /// One status post and the states it goes through after `pending`.
  struct Act: Sendable, Hashable {
    var title: String
    var content: Post.Content
    /// Since the beginning of a round.
    var at: Duration
    var steps: [Post.Step]
    var description: String?

    var states: [MessageStatus] { [.pending] + steps.map(\.status) }
  }

  enum Action: Sendable, Hashable {
    /// Posts a status; the number is its own.
    case post(Int, Act)
    case consumer(isDown: Bool)
  }

  /// Since the beginning of a round: long enough for deliveries to be refused more than once, too short for the circuit to open.
  static let outage = (from: Duration.milliseconds(5000), until: Duration.milliseconds(9500))
  /// With ``isEndless`` a round begins so long after the one before it.
  static let round = Duration.seconds(16)

  static let acts: [Act] = [
    Act(
      title: "text \"Good morning\"", content: .text("Good morning"), at: .milliseconds(500),
      steps: [
        Post.Step(after: .milliseconds(2000), .sent), Post.Step(after: .milliseconds(2500), .delivered),
        Post.Step(after: .milliseconds(4000), .read),
      ]),
    Act(
      title: "photo \"Breakfast\"", content: .media(Post.Media(.image, caption: "Breakfast")),
      at: .milliseconds(1200),
      steps: [Post.Step(after: .milliseconds(2500), .sent), Post.Step(after: .milliseconds(4500), .read)]),
    Act(
      title: "video \"Too long\"", content: .media(Post.Media(.video, caption: "Too long")), at: .milliseconds(2400),
      steps: [Post.Step(after: .milliseconds(2200), .sent), Post.Step(after: .milliseconds(3400), .failed)],
      description: "The video is longer than a status may be"),
    Act(
      title: "voice \"On my way\"", content: .media(Post.Media(.audio, caption: "On my way")), at: .milliseconds(3800),
      steps: [
        Post.Step(after: .milliseconds(2200), .sent), Post.Step(after: .milliseconds(2500), .delivered),
        Post.Step(after: .milliseconds(3500), .read),
      ]),
  ]

  /// Whether rounds follow one another until somebody ends it.
  let isEndless: Bool
  private var ahead: [(at: Duration, action: Action)] = []
  private var rounds = 0

  init(isEndless: Bool = false) {
    self.isEndless = isEndless
    addRound()
  }

  /// What is due by now and has not been said yet, in its order.
  mutating func actions(by elapsed: Duration) -> [Action] {
    while isEndless, elapsed >= Self.round * rounds { addRound() }
    let due = ahead.prefix { $0.at <= elapsed }.map(\.action)
    ahead.removeFirst(due.count)
    return due
  }

  /// Whether nothing more will be done.
  var isOver: Bool { !isEndless && ahead.isEmpty }

  private mutating func addRound() {
    let start = Self.round * rounds
    for (index, act) in Self.acts.enumerated() {
      ahead.append((start + act.at, .post(rounds * Self.acts.count + index + 1, act)))
    }
    ahead.append((start + Self.outage.from, .consumer(isDown: true)))
    ahead.append((start + Self.outage.until, .consumer(isDown: false)))
    ahead.sort { $0.at < $1.at }
    rounds += 1
  }
}
