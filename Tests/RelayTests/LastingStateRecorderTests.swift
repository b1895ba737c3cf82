import RelayCore
import RelayStore
import Testing

@testable import Relay

@Suite struct LastingStateRecorderTests {
  private let id = DestinationID(rawValue: 1)
  private let trip = CircuitBreaker.Trip(
    openedAt: SteadyTime(milliseconds: 1), until: SteadyTime(milliseconds: 2), interval: .seconds(5))

  @Test("What the outbox has is not written, and of what it has not only the difference")
  func difference() {
    var states = LastingStateRecorder()
    states.enter(id, recorded: LastingState(pause: .gone, trip: nil))
    #expect(states.change(of: id, to: LastingState(pause: .gone, trip: nil)) == nil)
    #expect(
      states.change(of: id, to: LastingState(pause: .gone, trip: trip)) == .init(pause: nil, trip: .some(trip)))
    #expect(!states.isIdle)
    states.recorded(id)
    #expect(states.isIdle)
    #expect(states.change(of: id, to: LastingState(pause: .gone, trip: trip)) == nil)
    #expect(
      states.change(of: id, to: LastingState(pause: nil, trip: trip)) == .init(pause: .some(nil), trip: nil))
  }

  @Test("One write at a time: the latest state follows when the one before is written")
  func oneAtATime() {
    var states = LastingStateRecorder()
    states.enter(id, recorded: LastingState())
    #expect(states.change(of: id, to: LastingState(pause: .gone, trip: trip)) != nil)
    #expect(states.change(of: id, to: LastingState(pause: nil, trip: nil)) == nil)
    states.recorded(id)
    #expect(
      states.change(of: id, to: LastingState(pause: nil, trip: nil)) == .init(pause: .some(nil), trip: .some(nil)))
  }

  @Test("A pause that somebody else has written while a write was under way is written once more, as it is now")
  func someoneElse() {
    var states = LastingStateRecorder()
    states.enter(id, recorded: LastingState())
    #expect(states.change(of: id, to: LastingState(pause: .gone)) != nil)
    states.pauseWritten(nil, of: id)
    states.recorded(id)
    let now = LastingState(pause: nil)
    #expect(states.change(of: id, to: now) == .init(pause: .some(nil), trip: .some(nil)))
    states.recorded(id)
    #expect(states.change(of: id, to: now) == nil)

    states.pauseWritten(.byOperator, of: id)
    #expect(states.change(of: id, to: LastingState(pause: .byOperator)) == nil)
  }

  @Test("A failed write is made again after a growing wait, whole")
  func failure() {
    var states = LastingStateRecorder()
    states.enter(id, recorded: LastingState())
    let state = LastingState(pause: .gone)
    var waits: [Duration] = []
    for round in 0..<7 {
      #expect(states.change(of: id, to: state) != nil)
      let (wait, isNews) = states.failed(id)
      #expect(isNews == (round == 0))
      #expect(states.change(of: id, to: state) == nil && states.isIdle)
      waits.append(wait)
      states.tryAgain(id)
    }
    #expect(waits == [1, 2, 4, 8, 16, 30, 30].map { .seconds($0) })
    #expect(states.change(of: id, to: state) == .init(pause: .some(.gone), trip: .some(nil)))
  }

  @Test("A destination that has left is not written for")
  func gone() {
    var states = LastingStateRecorder()
    states.enter(id, recorded: LastingState())
    #expect(states.change(of: id, to: LastingState(pause: .gone)) != nil)
    states.leave(id)
    states.recorded(id)
    #expect(states.isIdle)
    #expect(states.change(of: id, to: LastingState(pause: .gone)) == nil)
  }
}
