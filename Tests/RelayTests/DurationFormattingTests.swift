import Relay
import Testing

@Suite struct DurationFormattingTests {
  @Test(
    "A duration is written in one unit, or in two where that says more",
    arguments: [
      (Duration.zero, "0 ms"), (.milliseconds(350), "350 ms"), (.milliseconds(999), "999 ms"), (.seconds(1), "1 s"),
      (.milliseconds(12_900), "12 s"), (.seconds(59), "59 s"), (.seconds(60), "1 min"), (.seconds(90), "1 min 30 s"),
      (.seconds(300), "5 min"), (.seconds(629), "10 min"), (.seconds(3599), "59 min"), (.seconds(3600), "1 h"),
      (.seconds(5400), "1 h 30 min"), (.seconds(3659), "1 h"), (.seconds(86_399), "23 h"), (.seconds(86_400), "1 d"),
      (.seconds(100_000), "1 d 3 h"), (.seconds(30 * 86_400), "30 d"),
    ])
  func formatted(_ duration: Duration, _ text: String) {
    #expect(duration.formatted == text)
  }

  @Test(
    "A negative duration has one sign, in front",
    arguments: [
      (Duration.milliseconds(-350), "-350 ms"), (.seconds(-12), "-12 s"), (.seconds(-90), "-1 min 30 s"),
      (.seconds(-5400), "-1 h 30 min"),
    ])
  func negative(_ duration: Duration, _ text: String) {
    #expect(duration.formatted == text)
  }
}
