/// Texts that RFC 8259 takes and refuses, production by production. Our own, as data: what is one value stands alone, and the tests
/// set it into an array, an object and deeper.
enum JSONCases {
  // MARK: Values

  static let literals = ["null", "true", "false"]

  static let numbers = [
    "0", "-0", "1", "-1", "9", "10", "1234567890", "-1234567890", "0.0", "-0.0", "0.5", "10.25", "1.0000", "0e0", "0E0",
    "0e+0", "0e-0", "1e1", "1E1", "1e+1", "1e-1", "1E+01", "1e007", "1.5e3", "-1.5E-3", "1e400", "-1e400", "1e-400",
    "9223372036854775807", "9223372036854775808", "-9223372036854775809", "18446744073709551616",
    "3.141592653589793238462643383279", String(repeating: "7", count: 1000), "0." + String(repeating: "3", count: 1000),
  ]

  static let strings =
    [
      #""""#, #"" ""#, #""a""#, #""/""#, #""'""#, #""\"""#, #""\\""#, #""\/""#, #""\b\f\n\r\t""#, #""\u0000""#,
      #""\u001f""#, #""\u0022""#, #""\u005C""#, #""\u00e9""#, #""\u00E9""#, #""\uABCD\uabcd""#, #""\uFFFF""#,
      #""\ud83d\ude00""#, #""\uDBFF\uDFFF""#, #""\ud800\udc00x""#, #""\\u12""#, #""\\\"""#, #""[{\",:""#, #""//""#,
      #""/* */""#, "\"\u{7F}\"", "\"\u{80}\"", "\"\u{A0}\"", "\"é\"", "\"\u{7FF}\"", "\"\u{800}\"", "\"€\"",
      "\"\u{D7FF}\"", "\"\u{E000}\"", "\"\u{FEFF}\"", "\"\u{FFFD}\"", "\"\u{FFFE}\"", "\"\u{FFFF}\"", "\"\u{10000}\"",
      "\"😀\"", "\"\u{10FFFF}\"", "\"\u{2028}\u{2029}\"", "\"прочитано вчера\"", "\"a\u{301}\"", "\"日本語のテキスト\"",
    ] + halfPairs + [7, 8, 9, 31, 32, 33, 63, 64, 65, 200].map { "\"" + String(repeating: "s", count: $0) + "\"" }

  /// The grammar takes them, and section 8.2 leaves open what becomes of them.
  static let halfPairs = [
    #""\ud800""#, #""\uDBFF""#, #""\udc00""#, #""\uDFFF""#, #""\ud800x""#, #""\ud800\ud800""#, #""\udc00\ud800""#,
    #""\ud800\n""#, #""\ud83d\u0041""#, #""x\udfff""#,
  ]

  static let containers = [
    "[]", "[ ]", "[\t\r\n ]", "[1]", "[ 1 ]", "[1,2]", "[1 ,2]", "[1, 2]", "[[]]", "[[],[]]", "[null,[{}],{}]", "{}",
    "{ }", #"{"a":1}"#, #"{ "a" : 1 }"#, #"{"a":1,"b":2}"#, #"{"a":1 , "b":2}"#, #"{"":0}"#, #"{"a":{"b":{"c":[]}}}"#,
    #"{"a":1,"a":2}"#, #"{"\u0061":1}"#, #"{"\n":1}"#, "{\"é\":\"😀\"}", "{\r\n\t\"a\"\r\n:\t1}", "[1,\n2,\n3\n]",
    #"{"\ud800":1}"#,
  ]

  static let values = literals + numbers + strings + containers

  static let brokenWords = [
    "nul", "nulll", "Null", "NULL", "tru", "truee", "True", "fals", "falsee", "FALSE", "n", "t", "f", "undefined",
    "nil",
    "NaN", "-NaN", "Infinity", "-Infinity", "inf", "yes", "a", "'a'", "`a`", "null null", "n ull", "\u{430}",
  ]

  static let brokenNumbers = [
    "-", "+", "+1", "--1", "-+1", "- 1", "00", "01", "-01", "007", "1.", "-1.", ".5", "-.5", ".", "0.e1", "1.e1", "1e",
    "1E", "1e+", "1e-", "1e1.5", "1e+-1", "1ee1", "1e 1", "1.5.2", "1..5", "1,5.", "0x10", "0x", "1x", "1_000", "1 000",
    "1f", "0b1", "0o7", "1e1e1", "e1", "E", "٣", "１", "1\u{0}", "-\u{0}", "1-", "1+1", "∞", "1e１",
  ]

  static let brokenStrings =
    [
      "\"", "\"a", "a\"", #""\""#, #""a\"#, #""\x41""#, #""\a""#, #""\v""#, #""\0""#, #""\'""#, #""\U0041""#, #""\ ""#,
      #""\u""#, #""\u0""#, #""\u00""#, #""\u004""#, #""\u004"#, #""\u004g""#, #""\uG041""#, #""\u 041""#, #""\u-041""#,
      #""\u+041""#, #""\u00 1""#, #""\ud83d\u""#, #""\ud83d\u12""#, #""\ud83d\x""#, #""\é""#, "\"\\\n\"", #""a"b"#,
      #""a""b""#, "'", "“a”", #""\u{41}""#, "\"\\\u{0}\"",
    ] + (UInt8(0)..<0x20).map { "\"a\(Character(Unicode.Scalar($0)))b\"" }

  static let brokenContainers = [
    "[", "]", "{", "}", "[}", "{]", "[1", "[1,", "[1,]", "[,1]", "[,]", "[1,,2]", "[1 2]", "[1;2]", "[1:2]", "[[]",
    "[]]",
    #"{"a"}"#, #"{"a":}"#, #"{:1}"#, #"{"a" 1}"#, #"{"a":1,}"#, #"{,"a":1}"#, #"{"a":1,,"b":2}"#, #"{"a":1 "b":2}"#,
    #"{"a"::1}"#, #"{"a":1:2}"#, #"{"a",1}"#, #"{"a":1"#, #"{"a":"#, #"{"a""#, "{a:1}", "{'a':1}", "{1:1}",
    "{null:1}", "{[]:1}", #"{"a":1]"#, #"[1}"#, "[1/**/]", "[1//\n]", "[#\n1]", "(1)", "<1>", "[1]]", #"{"a":1}}"#,
    "[...]", "[\u{A0}1]", "[\u{C}1]", "[\u{B}1]", "[\u{FEFF}1]", "[1\u{85}]", "[1\u{2028}]", "[\u{0}]", "[1\u{1}]",
    #"{"a":1\#u{0}}"#, #"{"a\#nb":1}"#, #"{"\x":1}"#, #"{"\u12":1}"#, #"{"a":[}"#, #"{"a":{]}"#,
  ]

  static let brokenValues = brokenWords + brokenNumbers + brokenStrings + brokenContainers

  /// Values that can't stand alone in an array, though a list of two can.
  static let brokenTexts =
    [
      "[] []", "[],", "[]x", "[]\u{0}", "[]\u{A0}", "[]\u{FEFF}", " \u{FEFF}[]", "\u{FEFF}\u{FEFF}[]", "\u{FEFF}",
      "1 2",
      "{}{}", "[]//", "[]#", "\u{B}[]", "\u{C}[]", "\u{85}[]", "[]\u{2028}", "Internal Server Error", "ok", "\u{0}",
      ",",
    ]

  // MARK: UTF-8

  /// What the Unicode Standard's table 3-7 has no row for, each between plain bytes.
  static let brokenUTF8: [[UInt8]] =
    [
      // Continuation bytes alone, and leads without theirs.
      [0x80], [0xBF], [0x80, 0xBF], [0xC2], [0xC2, 0xC2, 0x80], [0xE2], [0xE2, 0x82], [0xE2, 0x82, 0xE2], [0xF0],
      [0xF0, 0x9F], [0xF0, 0x9F, 0x98], [0xC3, 0xA9, 0xA9], [0xC3, 0x28], [0xE2, 0x28, 0xAC], [0xE2, 0x82, 0x28],
      [0xF0, 0x28, 0x98, 0x80], [0xF0, 0x9F, 0x28, 0x80], [0xF0, 0x9F, 0x98, 0x28], [0xC3, 0xC0], [0xE2, 0x82, 0xC0],
      // Overlong.
      [0xC0, 0x80], [0xC0, 0xAF], [0xC1, 0xBF], [0xE0, 0x80, 0x80], [0xE0, 0x80, 0xAF], [0xE0, 0x9F, 0xBF],
      [0xF0, 0x80, 0x80, 0x80], [0xF0, 0x80, 0x80, 0xAF], [0xF0, 0x8F, 0xBF, 0xBF],
      // Surrogates, alone and as the pair of CESU-8.
      [0xED, 0xA0, 0x80], [0xED, 0xAF, 0xBF], [0xED, 0xB0, 0x80], [0xED, 0xBF, 0xBF],
      [0xED, 0xA0, 0xBD, 0xED, 0xB8, 0x80],
      // Above U+10FFFF.
      [0xF4, 0x90, 0x80, 0x80], [0xF4, 0xBF, 0xBF, 0xBF], [0xF5, 0x80, 0x80, 0x80], [0xF7, 0xBF, 0xBF, 0xBF],
      // Five and six bytes, and bytes that are in no form.
      [0xF8, 0x88, 0x80, 0x80, 0x80], [0xFC, 0x84, 0x80, 0x80, 0x80, 0x80], [0xFE], [0xFF], [0xFE, 0xFF], [0xFF, 0xFF],
    ]
}
