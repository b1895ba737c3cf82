import Foundation
import HTTPTypes
import Hummingbird
import RelayStore

/// Says every error as `{"error":{"message":…}}`.
struct ErrorsInWords<Context: RequestContext>: RouterMiddleware {
  func handle(
    _ request: Request, context: Context, next: (Request, Context) async throws -> Response
  ) async throws -> Response {
    do {
      return try await next(request, context)
    } catch {
      let (status, message, headers) = Self.inWords(error, request)
      if status == .internalServerError {
        context.logger.error("the admin API failed at \(request.method) \(request.uri.path): \(error)")
      }
      var fields = headers
      fields[.contentType] = "application/json; charset=utf-8"
      let body = try JSONEncoder.admin.text(["error": ["message": message]]) + "\n"
      return Response(status: status, headers: fields, body: .init(byteBuffer: .init(string: body)))
    }
  }

  private static func inWords(
    _ error: any Error, _ request: Request
  ) -> (HTTPResponse.Status, String, HTTPFields) {
    switch error {
    case let error as HTTPError:
      let isUnknownPath = error.status == .notFound && error.body == nil
      let message = isUnknownPath ? "there is no \(request.method) \(request.uri.path.prefix(200))" : error.body
      return (error.status, message ?? error.status.reasonPhrase, error.headers)
    case let error as any HTTPResponseError: return (error.status, error.status.reasonPhrase, [:])
    // Of the outbox nothing but its own trouble comes through: the request was checked.
    case let error as OutboxError: return (.serviceUnavailable, error.description, [:])
    default: return (.internalServerError, "internal error", [:])
    }
  }
}
