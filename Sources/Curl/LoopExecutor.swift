import Dispatch

/// Runs an actor on a client's thread, between the turns of its loop: what the actor decides on a transfer's end, and starts because of
/// it, passes from one to the other without waking a thread, which costs more than the decision.
///
/// Nothing else happens at the client while the actor runs, so that it must never take long. When the client has been shut down, and its
/// thread is gone, the actor runs elsewhere.
public final class LoopExecutor: SerialExecutor {
  private let submissions: SubmissionQueue
  private let ended: DispatchGroup
  private let afterwards = DispatchQueue(label: "curl, afterwards")

  /// - Parameter ended: empty when the client's thread is gone.
  init(_ submissions: SubmissionQueue, ended: DispatchGroup) {
    self.submissions = submissions
    self.ended = ended
  }

  public func enqueue(_ job: consuming ExecutorJob) {
    let job = UnownedJob(job)
    guard submissions.submit(.run(job, self)) == .closed else { return }
    ended.notify(queue: afterwards) { [self] in job.runSynchronously(on: asUnownedSerialExecutor()) }
  }
}

/// Runs tasks on a client's thread, between the turns of its loop: those that sleep (``CurlClient/sleep(for:)``), start a transfer, look
/// at what came of it and sleep again. All of that happens without another thread being woken, and waking one costs more than looking.
///
/// As with ``LoopExecutor`` nothing else happens at the client meanwhile. What takes long belongs elsewhere:
/// `withTaskExecutorPreference(globalConcurrentExecutor)`.
public final class LoopTaskExecutor: TaskExecutor {
  private let submissions: SubmissionQueue
  private let ended: DispatchGroup
  private let afterwards = DispatchQueue(label: "curl, tasks afterwards")

  /// - Parameter ended: empty when the client's thread is gone.
  init(_ submissions: SubmissionQueue, ended: DispatchGroup) {
    self.submissions = submissions
    self.ended = ended
  }

  public func enqueue(_ job: consuming ExecutorJob) {
    let job = UnownedJob(job)
    guard submissions.submit(.runTask(job, self)) == .closed else { return }
    ended.notify(queue: afterwards) { [self] in job.runSynchronously(on: asUnownedTaskExecutor()) }
  }
}
