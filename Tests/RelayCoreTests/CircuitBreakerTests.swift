import GreenAPI
import RelayCore
import Testing

@Suite struct CircuitBreakerTests {
  private let start = SteadyTime(milliseconds: 1_000_000)

  private func message(_ number: Int64) -> RelayCore.Notification {
    .example(idMessage: "M\(number)")
  }

  private func opened() -> CircuitBreaker {
    var circuit = CircuitBreaker()
    for lane in 0..<Int64(CircuitBreaker.threshold) {
      circuit.failed(message(lane), wasProbe: false, at: start)
    }
    return circuit
  }

  @Test("Five different messages failing in a row open it, four do not")
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

  @Test("Notifications of one message, in whatever lanes, are one message; the same message of two accounts is two")
  func messages() {
    var circuit = CircuitBreaker()
    for account in 1...4 {
      for status in ["sent", "delivered", "read"] {
        let notification = RelayCore.Notification.example(
          webhookID: "msg_\(account)\(status)", idInstance: IDInstance(rawValue: Int64(account))!)
        circuit.failed(notification, wasProbe: false, at: start)
      }
    }
    #expect(circuit.isClosed)
    circuit.failed(.example(idInstance: 5), wasProbe: false, at: start)
    #expect(!circuit.isClosed)
  }

  @Test("When it opened stays the first opening, through all failing probes")
  func openedAt() {
    var circuit = opened()
    #expect(circuit.trip == .init(openedAt: start, until: start + .seconds(5), interval: .seconds(5)))
    _ = circuit.admit(at: start + .seconds(7))
    #expect(circuit.trip?.until == start + .seconds(5), "while probing, the probe's time")
    circuit.failed(message(0), wasProbe: true, at: start + .seconds(9))
    #expect(circuit.trip == .init(openedAt: start, until: start + .seconds(19), interval: .seconds(10)))
    circuit.succeeded()
    #expect(circuit.trip == nil)
  }

  @Test("Restored after a restart, it goes on where it was")
  func restored() {
    var before = opened()
    for _ in 0..<2 {
      _ = before.admit(at: before.trip!.until)
      before.failed(message(0), wasProbe: true, at: before.trip!.until)
    }
    var after = CircuitBreaker(restoring: before.trip)
    #expect(after.trip == before.trip)
    #expect(after.state == .open(until: start + .seconds(35)))
    let isEarly = after.admit(at: start + .seconds(34))
    #expect(!isEarly)
    let isAdmitted = after.admit(at: start + .seconds(35))
    #expect(isAdmitted)
    after.failed(message(0), wasProbe: true, at: start + .seconds(35))
    #expect(after.trip == .init(openedAt: start, until: start + .seconds(75), interval: .seconds(40)))
  }

  @Test("Restored while its probe was on its way, it sends another; restored closed, it is closed")
  func restoredWhileProbing() {
    var before = opened()
    _ = before.admit(at: start + .seconds(6))
    var after = CircuitBreaker(restoring: before.trip)
    let isAdmitted = after.admit(at: start + .seconds(6))
    #expect(isAdmitted)
    #expect(CircuitBreaker(restoring: nil) == CircuitBreaker())
  }

  @Test("A remembered interval that can't be is brought into bounds", arguments: [(-1, 10), (0, 10), (9_000_000, 300)])
  func absurdInterval(seconds: Int64, next: Int64) {
    var circuit = CircuitBreaker(restoring: .init(openedAt: start, until: start, interval: .seconds(seconds)))
    _ = circuit.admit(at: start)
    circuit.failed(message(0), wasProbe: true, at: start)
    #expect(circuit.trip?.until == start + .seconds(next))
  }

  @Test("A probe that was called off may be sent again at once")
  func abandoned() {
    var circuit = opened()
    _ = circuit.admit(at: start + .seconds(5))
    circuit.abandonedProbe(at: start + .seconds(6))
    #expect(circuit.state == .open(until: start + .seconds(6)))
    #expect(circuit.trip?.interval == .seconds(5))
  }
}
