import RelayCore
import Testing

@Suite struct CircuitBreakerTests {
  private let start = SteadyTime(milliseconds: 1_000_000)

  private func message(_ number: Int64) -> RelayCore.Notification {
    var notification = RelayCore.Notification.example
    notification.idMessage = "M\(number)"
    return notification
  }

  private func opened() -> CircuitBreaker {
    var circuit = CircuitBreaker()
    for lane in 0..<Int64(CircuitBreaker.threshold) {
      circuit.failed(message(lane), wasProbe: false, at: start)
    }
    return circuit
  }

  @Test("Five different lanes failing in a row open it, four do not")
  func opens() {
    var circuit = CircuitBreaker()
    for lane in 0..<Int64(4) { circuit.failed(message(lane), wasProbe: false, at: start) }
    #expect(circuit.isClosed)
    circuit.failed(message(4), wasProbe: false, at: start)
    #expect(circuit.state == .open(until: start + .seconds(5)))
  }

  @Test("One message failing again and again does not open it")
  func oneLane() {
    var circuit = CircuitBreaker()
    for _ in 0..<100 { circuit.failed(message(1), wasProbe: false, at: start) }
    #expect(circuit.isClosed)
  }

  @Test("A success between failures starts the count again")
  func successResets() {
    var circuit = CircuitBreaker()
    for lane in 0..<Int64(4) { circuit.failed(message(lane), wasProbe: false, at: start) }
    circuit.succeeded()
    for lane in 0..<Int64(4) { circuit.failed(message(lane), wasProbe: false, at: start) }
    #expect(circuit.isClosed)
  }

  @Test("While open nothing is admitted; then one probe, and no second one beside it")
  func probes() {
    var circuit = opened()
    let admitted1 = circuit.admit(at: start + .milliseconds(4999))
    #expect(!admitted1)
    let admitted2 = circuit.admit(at: start + .seconds(5))
    #expect(admitted2)
    let admitted3 = circuit.admit(at: start + .seconds(500))
    #expect(!admitted3)
    #expect(circuit.nextAdmission == nil)
  }

  @Test("Each failed probe doubles the wait, up to five minutes; a success closes")
  func intervals() {
    var circuit = opened()
    var now = start
    var waits: [Int64] = []
    for _ in 0..<9 {
      guard case .open(let until) = circuit.state else { break }
      waits.append((until - now).milliseconds / 1000)
      now = until
      let admitted4 = circuit.admit(at: now)
      #expect(admitted4)
      circuit.failed(message(0), wasProbe: true, at: now)
    }
    #expect(waits == [5, 10, 20, 40, 80, 160, 300, 300, 300])
    circuit.succeeded()
    #expect(circuit == CircuitBreaker())
  }

  @Test("Attempts that were under way when it opened neither prolong nor end the wait")
  func stragglers() {
    var circuit = opened()
    let open = circuit
    circuit.failed(message(9), wasProbe: false, at: start + .seconds(3))
    #expect(circuit == open)
  }
}
