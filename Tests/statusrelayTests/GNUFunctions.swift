import Foundation

/// Functions of the C library that its Swift module leaves out, because its headers show them to GNU sources only.
enum GNUFunctions {
  /// F_SETPIPE_SZ of fcntl(2).
  static let setPipeSize: Int32 = 1031
  /// pipe2(2), which lets no other thread's child have the ends.
  static let makePipe = find("pipe2", as: (@convention(c) (UnsafeMutablePointer<Int32>, Int32) -> Int32).self)
  static let openTerminal = find("posix_openpt", as: (@convention(c) (Int32) -> Int32).self)
  static let grantTerminal = find("grantpt", as: (@convention(c) (Int32) -> Int32).self)
  static let unlockTerminal = find("unlockpt", as: (@convention(c) (Int32) -> Int32).self)
  static let nameTerminal = find(
    "ptsname_r", as: (@convention(c) (Int32, UnsafeMutablePointer<CChar>, Int) -> Int32).self)
  static let addChangeOfDirectory = find(
    "posix_spawn_file_actions_addchdir_np",
    as: (@convention(c) (UnsafeMutablePointer<posix_spawn_file_actions_t>, UnsafePointer<CChar>) -> Int32).self)

  private static func find<Function>(_ name: String, as type: Function.Type) -> Function {
    guard let symbol = dlsym(nil, name) else { preconditionFailure("the C library has no \(name)") }
    // The types above are those of the manual pages.
    return unsafeBitCast(symbol, to: type)
  }
}
