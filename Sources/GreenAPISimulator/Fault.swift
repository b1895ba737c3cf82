import GreenAPI

/// Something that goes wrong with an instance's answers, on demand.
///
/// A fault spoils what is answered, not what was done: a text status sent while answers are spoilt is posted nevertheless.
/// Requests that are refused (wrong token, over the rate limit) neither meet a fault nor use one up.
public struct Fault: Hashable, Sendable {
  public enum Effect: Hashable, Sendable {
    /// An empty array, though there are records.
    case emptyArray
    /// Every record as `{"type":"outgoing","typeMessage":""}`.
    case recordsWithoutIDs
    /// So many records of no use among the good ones: no object, no id, no status, an empty status, a number as id.
    case badRecords(Int)
    /// An HTTP status, with this body or the one GREEN-API documents for it.
    case status(Int, body: String? = nil)
    /// An error of GREEN-API's, in one of the forms in which it comes.
    case error(ErrorAnswer, as: ErrorAnswer.Form = .usual)
    /// A page of HTML.
    case html
    /// Bytes that are neither JSON nor UTF-8.
    case garbage
    /// The JSON `null`.
    case null
    /// A JSON object instead of an array.
    case object
    /// The answer's length is announced, half of it (64 kB at most) sent, and the connection closed.
    case truncated
    /// A well-formed array, padded with spaces to this many megabytes, sent without announcing a length.
    case huge(megabytes: Int)
    /// A well-formed array, padded with spaces to this many megabytes, compressed to less than a hundredth.
    case gzipBomb(megabytes: Int)
    /// The body trickles at this many bytes a second.
    case slow(bytesPerSecond: Int)
    /// No answer, and the connection stays open.
    case silence
    /// The connection is closed without an answer.
    case hangUp
    /// The Date header is this many seconds off: GREEN-API's clock as the client sees it.
    case dateOffset(seconds: Int)
  }

  public var effect: Effect
  /// The methods it befalls; `nil`: every one.
  public var methods: Set<APIMethod>?
  /// The requests it will still befall; `nil`: until it is cleared.
  public var remaining: Int?
  /// How likely it befalls each of them, 0...1.
  public var probability: Double

  public init(
    _ effect: Effect, methods: Set<APIMethod>? = nil, times remaining: Int? = nil, probability: Double = 1
  ) {
    self.effect = effect
    self.methods = methods
    self.remaining = remaining
    self.probability = probability
  }

  /// Sizes above this many megabytes are cut to it: enough for any client's limit.
  public static let maximumMegabytes = 10_000
}

/// The faults set on one instance. The same seed makes the same choices.
public struct Faults: Sendable {
  public private(set) var active: [Fault]
  private var random: SplitMix64

  public init(_ faults: [Fault] = [], seed: UInt64 = 0) {
    active = faults
    random = SplitMix64(state: seed)
  }

  public mutating func set(_ faults: [Fault]) { active = faults.filter { $0.remaining ?? 1 > 0 } }

  /// What befalls this request, in the order set. Faults that are used up by it are gone.
  public mutating func effects(on method: APIMethod) -> [Fault.Effect] {
    var effects: [Fault.Effect] = []
    for index in active.indices {
      if let methods = active[index].methods, !methods.contains(method) { continue }
      if active[index].probability < 1, Double.random(in: 0..<1, using: &random) >= active[index].probability {
        continue
      }
      effects.append(active[index].effect)
      if let remaining = active[index].remaining { active[index].remaining = remaining - 1 }
    }
    active.removeAll { $0.remaining ?? 1 <= 0 }
    return effects
  }
}

/// SplitMix64 (Steele, Lea, Flood 2014): a small generator that a seed replays.
public struct SplitMix64: RandomNumberGenerator, Sendable {
  private var state: UInt64

  /// - Parameter state: The seed.
  public init(state: UInt64) { self.state = state }

  public mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var mixed = state
    mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
    mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
    return mixed ^ (mixed >> 31)
  }
}
