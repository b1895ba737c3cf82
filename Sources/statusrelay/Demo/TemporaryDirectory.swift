import Foundation

/// A new directory, for its owner alone.
struct TemporaryDirectory {
  let path: String

  struct Failure: Error, CustomStringConvertible {
    let description: String
  }

  init(prefix: String) throws(Failure) {
    let parent = FileManager.default.temporaryDirectory.path
    var template = Array("\(parent)/\(prefix)XXXXXX".utf8CString)
    guard mkdtemp(&template) != nil else {
      throw Failure(
        description:
          "can't make a directory in \(parent): \(String(cString: strerror(errno))). Set TMPDIR to a directory that can be written"
      )
    }
    path = template.withUnsafeBufferPointer { String(cString: $0.baseAddress!) }
  }

  func remove() { try? FileManager.default.removeItem(atPath: path) }
}
