import Testing

struct NeverHappened: Error, CustomStringConvertible {
  var description: String
}

/// Waits until something is there, half a minute at most.
func eventually<T>(
  _ what: String, sourceLocation: SourceLocation = #_sourceLocation, _ find: () async throws -> T?
) async throws -> T {
  let deadline = ContinuousClock.now + .seconds(30)
  while true {
    if let found = try await find() { return found }
    guard ContinuousClock.now < deadline else {
      throw NeverHappened(description: "never came: \(what) (\(sourceLocation))")
    }
    try await Task.sleep(for: .milliseconds(2))
  }
}

/// Waits until something is so, half a minute at most.
func eventually(
  _ what: String, sourceLocation: SourceLocation = #_sourceLocation, _ isSo: () async throws -> Bool
) async throws {
  let _: Void = try await eventually(what, sourceLocation: sourceLocation) { try await isSo() ? () : nil }
}
