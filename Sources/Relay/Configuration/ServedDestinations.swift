import GreenAPI

extension RelayConfiguration {
  /// The destinations as they are delivered to: one with `url: fromAccount` is one for each of its accounts, `crm@1101000001`, with a
  /// queue, a circuit and a history of its own. No configured name has an `@` in it.
  public var servedDestinations: [Destination] {
    destinations.flatMap { destination -> [Destination] in
      guard destination.url == nil else { return [destination] }
      return accounts.map(\.idInstance).filter { destination.accounts?.contains($0) ?? true }.map { id in
        var member = destination
        member.name = "\(destination.name)@\(id)"
        member.accounts = [id]
        return member
      }
    }
  }
}
