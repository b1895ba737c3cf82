import Foundation
import NIOConcurrencyHelpers
import TestServers
import Testing

/// A GREEN-API and a consumer that repeat whatever they are sent, in every form: nothing that the relay writes, shows or stores has a secret
/// in it.
@Suite struct SecretsTests {
  /// With characters that each encoding writes in a way of its own.
  private static let secrets = [
    "apiToken": "api/token+0123456789=abcdef", "webhookToken": "hook/token+9876543210=fedcba",
    "header": "head/er+value=24680",
    "query": "query-value-1357913579", "password": "pass/word+1122334455", "admin": "admin/token+5544332211",
    "settings": "settings/token+99887766", "signing": "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
  ]

  private static func secret(_ name: String) -> String { secrets[name] ?? "" }

  // MARK: Forms

  private static func percent(_ text: String) -> String {
    text.utf8.map { byte in
      (Character(Unicode.Scalar(byte)).isLetter || Character(Unicode.Scalar(byte)).isNumber)
        ? String(Character(Unicode.Scalar(byte))) : "%" + String(byte, radix: 16, uppercase: true)
    }.joined()
  }

  /// What a careless server makes of a text, one after the other.
  private static let echoes: [@Sendable (String) -> String] = [
    { $0 }, { $0.replacing("/", with: "\\/") }, { percent($0) }, { Data($0.utf8).base64EncodedString() },
    { percent($0).lowercased() },
    { $0.utf16.map { "\\u" + String(UInt32($0) + 0x1_0000, radix: 16).dropFirst() }.joined() },
    { $0.replacing("/", with: "&#47;").replacing("=", with: "&#61;").replacing("+", with: "&#43;") },
  ]

  /// What must be found nowhere: a secret in any of its forms, and its halves.
  private static func traces(of secret: String) -> [String] {
    let halves = [String(secret.prefix(secret.count / 2)), String(secret.suffix(secret.count / 2))]
    let base64 = (0..<3).map { offset in
      let text = Data([UInt8](repeating: 0, count: offset) + Array(secret.utf8)).base64EncodedString()
      return String(text.dropFirst((offset * 8 + 5) / 6).prefix((secret.utf8.count - 2) * 8 / 6))
    }
    return ([secret] + halves).flatMap { piece in echoes.filter { $0(piece).count >= 8 }.map { $0(piece) } } + base64
  }

  // MARK: The other sides

  private final class Turn: Sendable {
    private let count = NIOLockedValueBox(0)
    func next() -> Int {
      count.withLockedValue { count in
        defer { count += 1 }
        return count
      }
    }
  }

  private static func json(_ status: String, _ body: String) -> String {
    "HTTP/1.1 \(status)\r\nContent-Type: application/json\r\nContent-Length: \(body.utf8.count)\r\n\r\n\(body)"
  }

  private static func greenAPI() -> ScriptedServer {
    let turn = Turn()
    return ScriptedServer { connection in
      connection.serve { request in
        let path = String(request.line.split(separator: " ")[1])
        if path.contains("getSettings") {
          connection.send(
            json(
              "200 OK",
              #"{"wid":"7@c.us","typeInstance":"whatsapp","outgoingWebhook":"yes","webhookUrlToken":"\#(secret("settings"))"}"#
            ))
          return
        }
        let number = turn.next()
        guard number > 0 else {
          connection.send(
            json(
              "200 OK",
              #"[{"type":"outgoing","idMessage":"A","statusMessage":"sent","timestamp":1760000000,"chatId":"7@c.us"}]"#)
          )
          return
        }
        // The path as it came, and as it was meant.
        let meant = path.removingPercentEncoding ?? path
        let echo = echoes[number % echoes.count]
        let whole = "no \(echo(path)) and \(echo(meant)) but \(echo(secret("apiToken")))"
        switch number % 3 {
        case 0: connection.send(json("400 Bad Request", #"{"message":"\#(whole)"}"#))
        case 1: connection.send(json("200 OK", #"{"status":false,"reason":"\#(whole)"}"#))
        default: connection.send(json("500 Oops", "at " + String(echo(secret("apiToken")).prefix(12))))
        }
      }
    }
  }

  private static func consumer() -> ScriptedServer {
    let turn = Turn()
    return ScriptedServer { connection in
      connection.serve { request in
        let echo = echoes[turn.next() % echoes.count]
        let seen = ([request.line] + request.headers).map(echo).joined(separator: "\n")
        let headers = request.headers.enumerated().map { "X-Echo-\($0.offset): \(echo($0.element))\r\n" }.joined()
        connection.send(
          "HTTP/1.1 503 No\r\n\(headers)Retry-After: 0\r\nContent-Length: \(seen.utf8.count)\r\n\r\n\(seen)")
      }
    }
  }

  private static func configuration(_ greenAPI: ScriptedServer, _ consumer: ScriptedServer, in directory: String)
    -> String
  {
    let host = consumer.url.replacing("http://", with: "")
    return """
      stateDirectory: \(directory)/state
      log: {level: debug}
      admin: {listen: "127.0.0.1:0", token: "\(secret("admin"))"}
      accounts:
        - idInstance: 710700000042
          apiUrl: \(greenAPI.url)
          apiTokenInstance: "\(secret("apiToken"))"
          startFrom: beginning
          poll: {interval: 1s, idleInterval: 1s}
      destinations:
        - name: token
          url: "\(consumer.url)/hook?key=\(secret("query"))"
          webhookUrlToken: "\(secret("webhookToken"))"
          headers: {X-Key: "\(secret("header"))"}
          signingSecret: "whsec_\(secret("signing"))"
          retry: {schedule: [100ms, 100ms, 100ms, 100ms, 100ms, 100ms, 100ms, 100ms], jitter: 0}
        - name: basic
          url: "http://user:\(percent(secret("password")))@\(host)/hook"
          retry: {schedule: [100ms, 100ms, 100ms, 100ms, 100ms, 100ms, 100ms, 100ms], jitter: 0}
      """
  }

  // MARK: The test

  @Test(
    "No secret shows in the log, the outbox, the admin API or what any command prints, whatever form it comes back in")
  func nowhere() async throws {
    try await withTemporaryDirectory { directory in
      let (greenAPI, consumer) = (Self.greenAPI(), Self.consumer())
      defer {
        greenAPI.stop()
        consumer.stop()
      }
      let path = directory + "/statusrelay.yaml"
      try Self.configuration(greenAPI, consumer, in: directory).write(to: path)
      let state = directory + "/state"
      var outputs: [String: String] = [:]
      func run(_ arguments: String...) async throws {
        let process = try StatusrelayProcess(arguments, environment: ["STATUSRELAY_ADMIN_TOKEN": Self.secret("admin")])
        let result = try await process.result()
        outputs[arguments.prefix(3).joined(separator: " ")] = result.output + result.error
      }
      try await withStatusrelay("run", "--config", path) { relay in
        for name in ["token", "basic"] {
          try await relay.line { $0.contains("destination=\(name)") && $0.contains("given up") }
        }
        // What the log tells of is on disk a little later.
        var letters = 0
        let deadline = ContinuousClock.now + StatusrelayProcess.deadline
        while letters < 2, ContinuousClock.now < deadline {
          letters = try await StatusrelayProcess.run("dead-letters", "--json", "--state-directory", state).outputLines
            .count
        }
        #expect(letters == 2)
        try await relay.line(containing: "account degraded")
        let line = try await relay.line(containing: "the admin API listens on 127.0.0.1:")
        let port = line.split(separator: "127.0.0.1:").last?.prefix { $0.isNumber } ?? ""
        let visitor = AdminVisitor(url: "http://127.0.0.1:\(port)", token: Self.secret("admin"))
        for arguments in [
          ["status", "--json"], ["status"], ["deliveries", "--json"], ["deliveries"], ["events", "--json"],
          ["dead-letters", "--json"],
          ["destinations", "test", "token"], ["destinations", "test", "basic"], ["deliveries", "show", "1"],
          ["deliveries", "show", "2"], ["destinations"],
        ] {
          let process = try StatusrelayProcess(arguments + ["--state-directory", state])
          let result = try await process.result()
          outputs[arguments.joined(separator: " ")] = result.output + result.error
        }
        for _ in 0..<3 {
          try await run("check", "--online", "--config", path)
          try await run("poll", "--config", path)
        }
        try await run("check", "--config", path)
        for target in ["metrics", "readyz", "v1/status", "v1/deliveries", "v1/deliveries/1", "v1/events", "v1/nothing"]
        {
          outputs["GET /\(target)"] = try await visitor.get("/\(target)").body
        }
        outputs["the log"] = relay.printed(on: .error)
        // With what is in the write-ahead log only.
        for file in try FileManager.default.contentsOfDirectory(atPath: state) where file.hasPrefix("outbox") {
          outputs[file] = String(decoding: try Data(contentsOf: URL(filePath: state + "/" + file)), as: UTF8.self)
        }
        relay.send(SIGTERM)
        _ = try await relay.result()
        outputs["the log"] = relay.printed(on: .error)
      }
      for (name, output) in outputs {
        #expect(!output.isEmpty, "\(name) is empty")
        for (kind, secret) in Self.secrets {
          for trace in Self.traces(of: secret) {
            // The output itself may be long.
            let isHidden = !output.contains(trace)
            #expect(isHidden, "\(kind) as \(trace) in \(name)")
          }
        }
      }
      // They were really repeated.
      #expect(outputs["the log"]?.contains("***") == true)
      #expect(outputs["deliveries show 1"]?.contains("***") == true, "\(outputs["deliveries show 1"] ?? "")")
      #expect(outputs["destinations test token"]?.contains("***") == true)
    }
  }
}
