import ArgumentParser
import Foundation

/// Puts a file that only its owner may read into place, whole or not at all.
struct PrivateFile {
  let path: String

  /// For asking before there is anything to write.
  func checkIsAbsent() throws(Complaint) {
    var status = stat()
    if lstat(path, &status) == 0 { throw failure(EEXIST) }
  }

  func write(_ text: String, replacing: Bool) throws(Complaint) {
    guard replacing else {
      guard put(text, at: path) else { throw failure(errno) }
      return
    }
    let new = "\(path).\(getpid()).new"
    guard put(text, at: new), rename(new, path) == 0 else {
      let code = errno
      unlink(new)
      throw failure(code)
    }
  }

  /// - Returns: `false` with `errno`, and nothing left behind.
  private func put(_ text: String, at path: String) -> Bool {
    let descriptor = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
    guard descriptor >= 0 else { return false }
    var rest = Array(text.utf8)[...]
    while !rest.isEmpty {
      let count = rest.withUnsafeBytes { Foundation.write(descriptor, $0.baseAddress, $0.count) }
      if count < 0, errno == EINTR { continue }
      guard count > 0 else { break }
      rest = rest.dropFirst(count)
    }
    let isWhole = rest.isEmpty && fsync(descriptor) == 0
    let code = errno
    close(descriptor)
    if !isWhole { unlink(path) }
    errno = code
    return isWhole
  }

  private func failure(_ code: Int32) -> Complaint {
    if code == EEXIST {
      return .usage(
        "\(path) exists already, and was left as it is. --force replaces it, --output FILE writes elsewhere, --print shows the text."
      )
    }
    return Complaint(
      "\(path) can't be written: \(String(cString: strerror(code))). --output FILE writes elsewhere.",
      exitCode: ExitStatus.stateDirectory)
  }
}
