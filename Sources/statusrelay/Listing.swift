import Foundation
import RelayAdmin

/// How one kind of row is shown.
struct Listing<Row: HistoryRow>: Sendable {
  var table: Table
  /// A cell for each column.
  var cells: @Sendable (Row, RowTimes) -> [String]

  /// Text for the next rows: lines of JSON, or of the table.
  mutating func text(_ rows: [Row], json: Bool, times: RowTimes) throws -> String {
    json ? try rows.map { try $0.json + "\n" }.joined() : table.text(rows.map { cells($0, times) })
  }
}

/// How a row's times are shown: as how long ago in a list, and by the clock where rows stay on the screen.
enum RowTimes: Sendable {
  case relative(to: Date)
  case clock(now: Date)

  func past(_ time: Date?) -> String {
    switch self {
    case .relative(let now): TimeText.relative(time, to: now)
    case .clock: time.map(TimeText.clock) ?? "-"
    }
  }

  /// When something is due: `now` when that has passed.
  func next(_ time: Date?) -> String {
    switch self {
    case .relative(let now), .clock(let now): TimeText.relative(time.map { max($0, now) }, to: now)
    }
  }
}

extension Listing<HistoryEvent> {
  static var events: Self {
    Self(
      table: Table(
        .number("ID"), .text("RECORDED"), .number("ACCOUNT"), .text("MESSAGE"), .text("STATUS"), .text("TYPE"),
        .text("CHAT"))
    ) { row, times in
      [
        "\(row.id)", times.past(row.recordedAt), "\(row.idInstance)", row.idMessage, row.status, row.typeMessage,
        row.chatId,
      ]
    }
  }
}

extension Listing<HistoryDelivery> {
  static var deliveries: Self {
    Self(
      table: Table(
        .number("ID"), .text("RECORDED"), .text("DESTINATION"), .number("ACCOUNT"), .text("MESSAGE"), .text("STATUS"),
        .text("STATE"), .number("ATTEMPTS"), .text("LATEST"), .text("NEXT"))
    ) { row, times in
      [
        "\(row.id)", times.past(row.recordedAt), row.destination, "\(row.idInstance)", row.idMessage, row.status,
        row.stateInWords, "\(row.attempts)", row.latestAnswer, times.next(row.dueAt),
      ]
    }
  }

  static var deadLetters: Self {
    Self(
      table: Table(
        .number("ID"), .text("RECORDED"), .text("GIVEN UP"), .text("DESTINATION"), .number("ACCOUNT"),
        .text("MESSAGE"), .text("STATUS"), .number("ATTEMPTS"), .text("LATEST"), .text("WHY"))
    ) { row, times in
      [
        "\(row.id)", times.past(row.recordedAt), times.past(row.settledAt), row.destination, "\(row.idInstance)",
        row.idMessage, row.status, "\(row.attempts)", row.latestAnswer, row.reasonInWords,
      ]
    }
  }
}
