// swift-tools-version: 6.2
import PackageDescription

/// Every target of ours: Swift 6 mode, `any` spelled out, and no warning tolerated. That no two accesses overlap is looked after
/// at run time in debug builds, which the tests are: asking takes 4 % of the instructions of a delivery on libcurl's thread.
let settings: [SwiftSetting] = [
  .enableUpcomingFeature("ExistentialAny"),
  .treatAllWarnings(as: .error),
  .unsafeFlags(["-enforce-exclusivity=unchecked"], .when(configuration: .release)),
]

/// A call goes from its caller's thread straight to where it is carried out, without waking one of Swift's in between.
let straight = SwiftSetting.enableUpcomingFeature("NonisolatedNonsendingByDefault")

/// Locks on POSIX mutexes: the thread sanitizer can’t follow those of Synchronization (a contended one is handed over in the
/// kernel) and reports races that there are not.
let locks = Target.Dependency.product(name: "NIOConcurrencyHelpers", package: "swift-nio")

let package = Package(
  name: "statusrelay",
  platforms: [.macOS(.v15)],
  products: [
    .executable(name: "statusrelay", targets: ["statusrelay"]),
    // For a test alone, which loads it into the built program.
    .library(name: "Stalls", type: .dynamic, targets: ["CStalls"]),
  ],
  dependencies: [
    .package(url: "https://github.com/apple/swift-argument-parser.git", from: "1.8.2"),
    .package(url: "https://github.com/apple/swift-collections.git", from: "1.6.0"),
    .package(url: "https://github.com/apple/swift-crypto.git", from: "4.5.2"),
    .package(url: "https://github.com/apple/swift-http-types.git", from: "1.8.0"),
    .package(url: "https://github.com/apple/swift-log.git", from: "1.16.2"),
    .package(url: "https://github.com/apple/swift-nio.git", from: "2.101.2"),
    .package(url: "https://github.com/groue/GRDB.swift.git", from: "7.10.0"),
    .package(url: "https://github.com/hummingbird-project/hummingbird.git", from: "2.28.1"),
    .package(url: "https://github.com/jpsim/Yams.git", from: "6.2.2"),
    .package(url: "https://github.com/swift-server/swift-service-lifecycle.git", from: "2.13.0"),
  ],
  targets: [
    .systemLibrary(name: "CCurl", pkgConfig: "libcurl", providers: [.apt(["libcurl4-openssl-dev"])]),
    .target(name: "Curl", dependencies: ["CCurl", locks], swiftSettings: settings + [straight]),
    .target(name: "CLoader"),
    .target(name: "GreenAPI", swiftSettings: settings),
    .target(
      name: "RelayCore",
      dependencies: [
        "GreenAPI",
        .product(name: "Collections", package: "swift-collections"),
        .product(name: "Crypto", package: "swift-crypto"),
      ],
      swiftSettings: settings
    ),
    .target(
      name: "RelayStore",
      dependencies: ["RelayCore", locks, .product(name: "GRDB", package: "GRDB.swift")],
      swiftSettings: settings + [straight]
    ),
    .target(
      name: "Systemd", dependencies: [locks, .product(name: "Collections", package: "swift-collections")],
      swiftSettings: settings),
    .target(
      name: "Relay",
      dependencies: [
        "CLoader", "Curl", "RelayStore", "Systemd", locks,
        .product(name: "Collections", package: "swift-collections"),
        .product(name: "Crypto", package: "swift-crypto"),
        .product(name: "Logging", package: "swift-log"),
        .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
        .product(name: "Yams", package: "Yams"),
      ],
      swiftSettings: settings
    ),
    .target(
      name: "RelayAdmin",
      dependencies: [
        "Relay",
        .product(name: "HTTPTypes", package: "swift-http-types"),
        .product(name: "Hummingbird", package: "hummingbird"),
        .product(name: "HummingbirdCore", package: "hummingbird"),
        .product(name: "Logging", package: "swift-log"),
        .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
      ],
      swiftSettings: settings
    ),
    .target(
      name: "GreenAPISimulator",
      dependencies: [
        "GreenAPI", locks,
        .product(name: "Hummingbird", package: "hummingbird"),
        .product(name: "HummingbirdCore", package: "hummingbird"),
        .product(name: "Logging", package: "swift-log"),
        .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
      ],
      swiftSettings: settings
    ),
    .executableTarget(
      name: "statusrelay",
      dependencies: [
        "RelayAdmin", "GreenAPISimulator", "Systemd", locks,
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
        .product(name: "HTTPTypes", package: "swift-http-types"),
        .product(name: "Hummingbird", package: "hummingbird"),
        .product(name: "Logging", package: "swift-log"),
        .product(name: "NIOCore", package: "swift-nio"),
        .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
        .product(name: "UnixSignals", package: "swift-service-lifecycle"),
      ],
      swiftSettings: settings
    ),
    .executableTarget(
      name: "statusrelay-bench",
      dependencies: [
        "CBenchPeer", "Relay",
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
        .product(name: "GRDB", package: "GRDB.swift"),
        .product(name: "Logging", package: "swift-log"),
        .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
      ],
      swiftSettings: settings
    ),
    // The benchmark's sinks, sources and floors, in C so that they are never what holds it back.
    .target(name: "CBenchPeer", linkerSettings: [.linkedLibrary("curl")]),
    // A disk and a name server that don't answer, for the tests of the built program.
    .target(name: "CStalls", path: "Tests/CStalls"),
    // Servers that misbehave on demand, for the tests of several modules.
    .target(name: "TestServers", dependencies: ["Curl", locks], path: "Tests/TestServers", swiftSettings: settings),
    .testTarget(name: "CurlTests", dependencies: ["Curl", "TestServers", locks], swiftSettings: settings),
    .testTarget(
      name: "GreenAPITests", dependencies: ["GreenAPI"], resources: [.copy("fixtures")], swiftSettings: settings),
    .testTarget(name: "SystemdTests", dependencies: ["Systemd", "TestServers"], swiftSettings: settings),
    .testTarget(name: "RelayCoreTests", dependencies: ["RelayCore"], swiftSettings: settings),
    .testTarget(name: "RelayStoreTests", dependencies: ["RelayStore"], swiftSettings: settings),
    .testTarget(
      name: "RelayTests", dependencies: ["Relay", "RelayAdmin", "GreenAPISimulator", "Systemd", "TestServers", locks],
      resources: [.copy("python")], swiftSettings: settings),
    .testTarget(
      name: "GreenAPISimulatorTests", dependencies: ["GreenAPISimulator", locks],
      resources: [.copy("fixtures"), .copy("python")], swiftSettings: settings),
    .testTarget(
      name: "statusrelayTests", dependencies: ["statusrelay", "GreenAPISimulator", "TestServers", locks],
      swiftSettings: settings),
  ]
)
