extension RetryPolicy {
  /// The longest a consumer's `Retry-After` can hold a delivery back.
  public static let maximumRetryAfter = Duration.seconds(24 * 3600)

  /// What becomes of a delivery whose `attempts`-th attempt has failed just now.
  ///
  /// With the default schedule `[5s, 30s, 2m, …, 24h]`: after the 1st failure it waits about 5 s, after the 2nd about 30 s, after
  /// the 10th about a day; the 11th failure makes it a dead letter. Older than `giveUpAfter`, it is one at once. A
  /// `Retry-After` that is longer than the schedule's wait wins, up to a day.
  /// - Parameter random: uniform in 0..<1; 0.5 is the schedule's own value, 0 and 1 are `jitter` below and above it.
  public func verdict(
    afterAttempts attempts: Int, recordedAt: SteadyTime, retryAfter: Duration?, at now: SteadyTime, random: Double
  ) -> Settlement.Verdict {
    if now >= expiry(ofRecordedAt: recordedAt) { return .deadLetter(.tooOld) }
    guard attempts <= schedule.count else { return .deadLetter(.scheduleUsedUp) }
    let wait = schedule[max(attempts, 1) - 1] * (1 + jitter * (2 * random - 1))
    let demanded = min(retryAfter ?? .zero, Self.maximumRetryAfter)
    return .retry(at: now + max(wait, demanded))
  }
  /// When a delivery is too old to be attempted again.
  func expiry(ofRecordedAt recordedAt: SteadyTime) -> SteadyTime { recordedAt + giveUpAfter }
}
