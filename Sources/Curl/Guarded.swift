import Glibc

/// A value that one thread at a time may touch, behind a POSIX mutex.
///
/// Synchronization's `Mutex` does the same at less cost, but on Linux a contended one is handed over inside the kernel (a
/// priority-inheriting futex), where the thread sanitizer cannot see it: it then reports races that there are not. The
/// locks here are taken once per batch, so the difference does not matter.
final class Guarded<Value: Sendable>: @unchecked Sendable {
  // Sendable: `value` is touched between lock and unlock only. The mutex lives on the heap because its address must not
  // change.
  private let mutex: UnsafeMutablePointer<pthread_mutex_t>
  private var value: Value

  init(_ value: Value) {
    self.value = value
    mutex = .allocate(capacity: 1)
    pthread_mutex_init(mutex, nil)
  }

  deinit {
    pthread_mutex_destroy(mutex)
    mutex.deallocate()
  }

  func withLock<Outcome>(_ body: (inout Value) -> Outcome) -> Outcome {
    pthread_mutex_lock(mutex)
    defer { pthread_mutex_unlock(mutex) }
    return body(&value)
  }
}
