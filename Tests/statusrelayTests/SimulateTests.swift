import Curl
import Foundation
import GreenAPI
import GreenAPISimulator
import Testing

@Suite("statusrelay simulate")
struct SimulateTests {
  private static func apiURL(_ process: StatusrelayProcess) async throws -> String {
    let line = try await process.line(containing: "apiUrl:")
    return line.split(separator: " ").last.map(String.init) ?? ""
  }

  private static func get(_ url: String, _ client: CurlClient) async throws -> HTTPResponse {
    try await client.execute(HTTPRequest(url: RequestURL(url), proxy: ""))
  }

  private static func withClient(_ use: (CurlClient) async throws -> Void) async throws {
    let client = try CurlClient()
    do {
      try await use(client)
    } catch {
      await client.shutDown()
      throw error
    }
    await client.shutDown()
  }

  @Test("Its help names every error that can be asked for")
  func help() async throws {
    let result = try await StatusrelayProcess.run("simulate", "--help")
    #expect(result.exit == .code(0))
    let words = Set(result.output.split { !$0.isLetter && !$0.isNumber }.map(String.init))
    #expect(words.isSuperset(of: ErrorAnswer.allCases.map(\.rawValue) + ErrorAnswer.Form.allCases.map(\.rawValue)))
  }

  @Test("Says how to use it, answers as GREEN-API does, and ends with 0 on a signal")
  func answers() async throws {
    try await withStatusrelay(
      "simulate", "--listen", "127.0.0.1:0", "--id-instance", "7", "--token", "abc", "--post-every", "1h"
    ) { process in
      let apiURL = try await Self.apiURL(process)
      try await process.line(containing: "\(apiURL)/waInstance7/sendTextStatus/abc")
      try await process.line(containing: "\(apiURL)/control/instances/7/faults")
      try await process.line(containing: "posted BAE5")
      try await Self.withClient { client in
        let answer = try await Self.get("\(apiURL)/waInstance7/getOutgoingStatuses/abc", client)
        #expect(answer.status == 200)
        #expect(try RecordsAnswer(decoding: answer.body).records.count == 1)
        // Without --rate-limit there is none.
        #expect(try await Self.get("\(apiURL)/waInstance7/getOutgoingStatuses/abc", client).status == 200)
        #expect(try await Self.get("\(apiURL)/waInstance7/getOutgoingStatuses/wrong", client).status == 401)
        #expect(try await Self.get("\(apiURL)/control/instances", client).status == 200)
      }
      process.send(SIGTERM)
      let result = try await process.result()
      #expect(result.exit == .code(0))
      #expect(result.output.isEmpty)
    }
  }

  @Test("With --rate-limit a second request at once is answered 429")
  func rateLimit() async throws {
    try await withStatusrelay("simulate", "--listen", "127.0.0.1:0", "--rate-limit") { process in
      let apiURL = try await Self.apiURL(process)
      let url = "\(apiURL)/waInstance1101000001/getOutgoingStatuses/simulated-token"
      try await Self.withClient { client in
        // However slow the machine is: of so many requests at once some come within one second.
        let statuses = try await withThrowingTaskGroup(of: Int.self) { group in
          for _ in 0..<20 { group.addTask { try await Self.get(url, client).status } }
          return try await group.reduce(into: Set<Int>()) { $0.insert($1) }
        }
        #expect(statuses == [200, 429])
      }
      process.send(SIGINT)
      #expect(try await process.result().exit == .code(0))
    }
  }

  @Test("A port in use is said clearly, with exit code 69")
  func portInUse() async throws {
    try await withStatusrelay("simulate", "--listen", "127.0.0.1:0") { process in
      let address = String(try await Self.apiURL(process).dropFirst("http://".count))
      let result = try await StatusrelayProcess.run("simulate", "--listen", address)
      #expect(result.exit == .code(69))
      #expect(result.error.contains("can't listen on \(address)"))
    }
  }

  @Test(
    "Unusable options are wrong usage",
    arguments: [
      ("--id-instance", "0", "1 to 18 digits"), ("--token", "a/b", "stands in URLs"),
      ("--post-every", "10ms", "below 100ms"), ("--post-every", "soon", "expected 500ms"),
    ])
  func usage(option: String, value: String, text: String) async throws {
    let result = try await StatusrelayProcess.run("simulate", option, value)
    #expect(result.exit == .code(64))
    #expect(result.error.contains(text))
  }
}
