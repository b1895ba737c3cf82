import GreenAPI
import GreenAPISimulator
import ServiceLifecycle
import Testing

#if canImport(Glibc)
  import Glibc
#endif

@Suite("The server as a service")
struct ServerTests {
  @Test("A graceful shutdown ends it at once, though one answer hangs, one trickles and one client reads nothing")
  func gracefulShutdown() async throws {
    let server = SimulatorServer()
    let simulator = server.simulator
    for (number, effect) in [(1, Fault.Effect.silence), (2, .slow(bytesPerSecond: 1)), (3, .huge(megabytes: 1_000))]
      as [(IDInstance, Fault.Effect)]
    {
      try await simulator.addInstance(number, token: Secret("t"))
      try await simulator.setFaults([Fault(effect)], on: number)
    }
    let group = ServiceGroup(configuration: ServiceGroupConfiguration(services: [server], logger: .init(label: "test")))
    let running = Task { try await group.run() }
    let client = HTTPTestClient(port: try await server.boundPort)
    var sockets: [Int32] = []
    for number in 1...3 {
      let socket = try client.connect()
      sockets.append(socket)
      let request = Array("GET /waInstance\(number)/getOutgoingStatuses/t HTTP/1.1\r\nHost: a\r\n\r\n".utf8)
      #expect(write(socket, request, request.count) == request.count)
    }
    try await eventually { await simulator.requests.count == 3 }
    let begun = ContinuousClock.now
    await group.triggerGracefulShutdown()
    try await running.value
    #expect(begun.duration(to: .now) < .seconds(10))
    for socket in sockets { close(socket) }
    #expect(throws: HTTPTestClient.SocketError.self) { try client.connect() }
  }

  @Test("An address in use is an error that says which and what to do, for run and for those who wait for the port")
  func addressInUse() async throws {
    try await withSimulator { running in
      let configuration = SimulatorServer.Configuration(port: running.client.port)
      let second = SimulatorServer(configuration: configuration)
      let waiting = Task { try await second.boundPort }
      let error = try #require(await #expect(throws: SimulatorError.self) { try await second.run() })
      #expect("\(error)".contains("127.0.0.1:\(running.client.port)"))
      await #expect(throws: error) { try await waiting.value }
    }
  }

  @Test("Whoever waits for the port of a server that never runs is let go when cancelled")
  func cancelledWait() async throws {
    let server = SimulatorServer()
    let waiting = Task { try await server.boundPort }
    waiting.cancel()
    await #expect(throws: CancellationError.self) { try await waiting.value }
  }

  @Test("apiURL is what an Endpoint takes")
  func apiURL() async throws {
    let server = SimulatorServer()
    let running = Task { try await server.run() }
    let endpoint = Endpoint(
      apiURL: try await server.apiURL, idInstance: instance, apiTokenInstance: Secret(token), typeInstance: .v3)
    let port = try await server.boundPort
    #expect(endpoint.url(.getSettings).hasPrefix("http://127.0.0.1:\(port)/v3/waInstance\(instance)/getSettings/"))
    running.cancel()
    try? await running.value
  }
}
