import GreenAPI
import Testing

@Suite struct InstanceStateTests {
  @Test(
    "Each state that GREEN-API names, or has named, is known",
    arguments: [
      ("authorized", .authorized), ("notAuthorized", .notAuthorized), ("blocked", .blocked), ("starting", .starting),
      ("suspended", .yellowCard), ("yellowCard", .yellowCard), ("sleepMode", .sleepMode), ("SLEEPMODE", .sleepMode),
      ("pendingPassword", .pendingPassword), ("pendingCode", .pendingCode), ("onHoliday", .other("onHoliday")),
    ] as [(String, InstanceState)])
  func states(name: String, state: InstanceState) throws {
    #expect(try InstanceState(decoding: [UInt8](#"{"stateInstance":"\#(name)"}"#.utf8)) == state)
  }

  @Test("An instance without a state is still being created", arguments: ["null", #"{"stateInstance":null}"#, "{}"])
  func null(body: String) throws { #expect(try InstanceState(decoding: [UInt8](body.utf8)) == .beingCreated) }

  @Test(
    "What is no state is refused", arguments: ["", "<html>", "[]", "1", #""authorized""#, #"{"stateInstance":7}"#, "{"])
  func refused(body: String) {
    #expect(throws: AnswerFault.self) { try InstanceState(decoding: [UInt8](body.utf8)) }
  }

  @Test(
    "The state tells what an answer that left it open means",
    arguments: [
      (.notAuthorized, .notAuthorized, .needsAPerson), (.blocked, .blocked, .needsAPerson),
      (.yellowCard, .yellowCard, .needsAPerson), (.sleepMode, .sleepMode, .needsAPerson),
      (.pendingPassword, .pendingPassword, .needsAPerson), (.pendingCode, .pendingCode, .needsAPerson),
      (.starting, .starting, .passesSoon), (.authorized, .starting, .passesSoon),
      (.beingCreated, .starting, .passesSoon),
      (.other("x"), .startingOrNotAuthorized, .passesSoon),
    ] as [(InstanceState, APIFailure.Kind, APIFailure.Nature)])
  func resolves(state: InstanceState, kind: APIFailure.Kind, nature: APIFailure.Nature) {
    let open = APIFailure(httpStatus: 400, body: [UInt8]("instance is starting or not authorized".utf8))
    #expect(open.isAmbiguous)
    let resolved = open.resolved(by: state)
    #expect(resolved.kind == kind && resolved.nature == nature)
    #expect(resolved.detail.hasPrefix("instance is starting or not authorized"))
    let plain = APIFailure(kind: .starting, httpStatus: 400, detail: "")
    #expect(plain.resolved(by: state) == plain, "what is plain stays as it is")
  }
}
