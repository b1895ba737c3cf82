/// A text from outside in a message: in quotes, at most 60 characters, and nothing in it that a terminal would act on.
/// What has the looks of a token, put in the wrong place, is not shown at all.
func quote(_ text: some StringProtocol) -> String {
  if hasLooksOfSecret(text) { return "'…'" }
  let shown = text.unicodeScalars.prefix(60).map { scalar in
    switch scalar.properties.generalCategory {
    case .control, .format, .lineSeparator, .paragraphSeparator, .privateUse, .surrogate, .unassigned: "\u{FFFD}"
    default: String(scalar)
    }
  }
  return "'\(shown.joined())\(text.unicodeScalars.count > 60 ? "…" : "")'"
}

/// Whether it could be a token: a signing key, or 32 letters and digits in a row (GREEN-API's have 50).
func hasLooksOfSecret(_ text: some StringProtocol) -> Bool {
  if text.contains("whsec_") || text.contains("whsk_") { return true }
  var run = 0
  for byte in text.utf8 {
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
      UInt8(ascii: "0")...UInt8(ascii: "9"):
      run += 1
    default: run = 0
    }
    if run == 32 { return true }
  }
  return false
}
