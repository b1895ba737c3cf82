import Foundation

/// What the kernel says of this process, read from `/proc`.
///
/// https://man7.org/linux/man-pages/man5/proc_pid_stat.5.html
struct ProcessFigures: Hashable, Sendable {
  /// User and system time.
  var cpuSeconds: Double
  /// In Unix time.
  var startTime: Double
  var virtualBytes: Int
  var residentBytes: Int
  var openDescriptors: Int
  /// `RLIMIT_NOFILE`, the soft one.
  var mostDescriptors: Double

  init(
    cpuSeconds: Double, startTime: Double, virtualBytes: Int, residentBytes: Int, openDescriptors: Int,
    mostDescriptors: Double
  ) {
    self.cpuSeconds = cpuSeconds
    self.startTime = startTime
    self.virtualBytes = virtualBytes
    self.residentBytes = residentBytes
    self.openDescriptors = openDescriptors
    self.mostDescriptors = mostDescriptors
  }

  /// As it is now; `nil` where there is no `/proc`.
  static var current: ProcessFigures? {
    guard let stat = try? String(contentsOfFile: "/proc/self/stat", encoding: .utf8),
      let bootTime = (try? String(contentsOfFile: "/proc/stat", encoding: .utf8)).flatMap(bootTime),
      let descriptors = try? FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd")
    else { return nil }
    var limit = rlimit()
    #if canImport(Glibc)
      let hasLimit = getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0
    #else
      let hasLimit = getrlimit(RLIMIT_NOFILE, &limit) == 0
    #endif
    guard hasLimit else { return nil }
    return ProcessFigures(
      stat: stat, bootTime: bootTime, ticksPerSecond: Double(sysconf(Int32(_SC_CLK_TCK))),
      pageSize: Int(sysconf(Int32(_SC_PAGESIZE))),
      // The listing itself takes one.
      openDescriptors: descriptors.count - 1, mostDescriptors: Double(limit.rlim_cur))
  }

  /// - Parameter stat: `/proc/self/stat`, whose second field, the program's name in parentheses, may hold anything.
  init?(
    stat: String, bootTime: Double, ticksPerSecond: Double, pageSize: Int, openDescriptors: Int, mostDescriptors: Double
  ) {
    guard let name = stat.lastIndex(of: ")") else { return nil }
    // The first of these is the third field of the file.
    let fields = stat[stat.index(after: name)...].split(separator: " ")
    func field(_ number: Int) -> Int? { fields.count > number - 3 ? Int(fields[number - 3]) : nil }
    guard let user = field(14), let system = field(15), let start = field(22), let virtual = field(23),
      let residentPages = field(24)
    else { return nil }
    self.init(
      cpuSeconds: Double(user + system) / ticksPerSecond, startTime: bootTime + Double(start) / ticksPerSecond,
      virtualBytes: virtual, residentBytes: residentPages * pageSize, openDescriptors: openDescriptors,
      mostDescriptors: mostDescriptors)
  }

  /// - Parameter stat: `/proc/stat`.
  static func bootTime(in stat: String) -> Double? {
    stat.split(separator: "\n").first { $0.hasPrefix("btime ") }.flatMap { Double($0.dropFirst(6)) }
  }
}
