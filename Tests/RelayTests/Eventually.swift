import Testing

struct NeverHappened: Error, CustomStringConvertible {
  var description: String
}

/// Waits until something is there, a minute at most.
func eventually<T>(
  _ what: String, sourceLocation: SourceLocation = #_sourceLocation, _ find: () async throws -> T?
) async throws -> T {
  let deadline = ContinuousClock.now + .seconds(60)
  var pause = Duration.milliseconds(2)
  while true {
    if let found = try await find() { return found }
    guard ContinuousClock.now < deadline else {
      throw NeverHappened(description: "never came: \(what) (\(sourceLocation))")
    }
    // What takes long is looked for less often, so as not to hold it up.
    try await Task.sleep(for: pause)
    pause = min(pause * 1.1, .milliseconds(100))
  }
}

/// Waits until something is so, a minute at most.
func eventually(
  _ what: String, sourceLocation: SourceLocation = #_sourceLocation, _ isSo: () async throws -> Bool
) async throws {
  let _: Void = try await eventually(what, sourceLocation: sourceLocation) { try await isSo() ? () : nil }
}
