/// Room for bodies that turn out to be known: given to a transfer when the first byte arrives, and used again for the next one, so that it
/// stays in the processor's cache. Allocated anew, or kept by each handle, it takes as long to fill as libcurl takes to hand it over.
///
/// Everything here happens on the client's thread.
final class BodyRooms {
  /// More transfers than this seldom receive at once, and a larger body is rare where there are many.
  private static let most = 8
  private static let largest = 128 << 10
  private var spare: [[UInt8]] = []

  func take() -> [UInt8] { spare.popLast() ?? [] }

  func give(_ room: consuming [UInt8]) {
    guard spare.count < Self.most, room.capacity > 0, room.capacity <= Self.largest else { return }
    room.removeAll(keepingCapacity: true)
    spare.append(room)
  }
}
