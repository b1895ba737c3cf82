/// What may be shown of a text that could hold an `apiTokenInstance` or a URL with credentials.
///
/// Every error, log line and page that could hold a URL goes through here. GREEN-API's token is a part of the path:
/// `/waInstance{id}/{method}/{token}`; see https://green-api.com/en/docs/api/.
public enum Redaction {
  /// The text with the path segment after `/waInstance{id}/{method}/`, the userinfo and the query values of every URL in it
  /// replaced by `***`.
  public static func redact(_ text: String) -> String {
    var result = text
    result.replace(#/(/waInstance\d+/[A-Za-z]+/)[^/?#\s"'<>]+/#) { "\($0.output.1)***" }
    // To the last @: a password with an unescaped @ in it must not be shown by half.
    result.replace(#/([A-Za-z][A-Za-z0-9+.\-]*:\/\/)[^/?#\s"'<>]*@/#) { "\($0.output.1)***@" }
    result.replace(#/([?&][^=&#\s"'<>]+=)[^&#\s"'<>]+/#) { "\($0.output.1)***" }
    return result
  }

  /// The same, with these secrets replaced wherever they stand too, as they are and percent-encoded.
  public static func redact(_ text: String, secrets: [Secret]) -> String {
    var result = redact(text)
    let values = secrets.filter { !$0.isEmpty }.map { $0.reveal() }
    // The longest first: one that begins another must not leave the other's end standing.
    for value in values.sorted(by: { $0.utf8.count > $1.utf8.count }) {
      result.replace(value, with: "***")
      result.replace(value.percentEncoded, with: "***")
    }
    return result
  }
}
