/// This program's name and version, as it says them to others.
public enum Version {
  public static let number = "0.1.0"
  public static let userAgent = "statusrelay/\(number)"
}
