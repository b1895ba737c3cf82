/// What may be shown of a text that could hold an `apiTokenInstance` or a URL with credentials, where no secrets are known.
public enum Redaction {
  private static let redactor = Redactor()

  /// The text with what in URLs may be a secret replaced by `***`, see ``Redactor``.
  public static func redact(_ text: String) -> String { redactor.redact(text) }

  /// The same, with these secrets replaced wherever they stand, too.
  public static func redact(_ text: String, secrets: [Secret]) -> String { Redactor(secrets).redact(text) }
}
