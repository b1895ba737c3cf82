import Foundation

/// Each connection costs a descriptor, and the usual soft limit of 1024 is below what many accounts and destinations need.
enum DescriptorLimit {
  /// Raises the soft limit to the hard one.
  static func raise() {
    var limit = rlimit()
    guard getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0, limit.rlim_cur < limit.rlim_max else {
      return
    }
    limit.rlim_cur = limit.rlim_max
    setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
  }
}
