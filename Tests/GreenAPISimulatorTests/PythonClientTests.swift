import Foundation
import Testing

/// The Python interpreter that has `whatsapp-api-client-python` installed.
private let python = ProcessInfo.processInfo.environment["STATUSRELAY_TEST_PYTHON"]

@Suite("GREEN-API's own clients")
struct PythonClientTests {
  @Test(
    "The PyPI package whatsapp-api-client-python works unchanged",
    .enabled(
      if: python != nil,
      "STATUSRELAY_TEST_PYTHON is unset: set it to a Python interpreter with whatsapp-api-client-python installed"))
  func unchangedClient() async throws {
    // The client makes up to three calls of one method in a row, and GREEN-API's limit would refuse two of them.
    try await withSimulator { running in
      let script = try #require(
        Bundle.module.url(forResource: "whatsapp_client", withExtension: "py", subdirectory: "python"))
      let process = Process()
      process.executableURL = URL(filePath: try #require(python))
      process.arguments = [script.path, "http://127.0.0.1:\(running.client.port)", "\(instance)", token]
      let output = Pipe()
      process.standardOutput = output
      let ended = AsyncStream<Int32> { continuation in
        process.terminationHandler = { continuation.yield($0.terminationStatus) }
      }
      try process.run()
      let text = try await apart { String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self) }
      var status: Int32?
      for await code in ended {
        status = code
        break
      }
      #expect(status == 0, "\(text)")
      let counts = await running.simulator.requests
      #expect(counts.first { $0.method == "getOutgoingStatuses" }?.byStatus == [200: 3, 401: 1], "\(text)")
    }
  }
}
