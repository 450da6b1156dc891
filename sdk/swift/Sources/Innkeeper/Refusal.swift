// Refusal: a decision against a command. Its message reaches the caller.
import InnkeeperABI

/// google.rpc.Code, without OK: `Code(rawValue: number)` is the one with this number.
public enum Code: UInt8, Sendable {
  case cancelled = 1
  case unknown, invalidArgument, deadlineExceeded, notFound, alreadyExists, permissionDenied, resourceExhausted
  case failedPrecondition, aborted, outOfRange, unimplemented, `internal`, unavailable, dataLoss, unauthenticated
}

public struct Refusal: Sendable {
  public let code: Code
  public let message: String
  private(set) var details: [Detail] = []

  struct Detail: Sendable {
    let typeName: StaticString
    let data: [UInt8]
  }

  public init(_ code: Code, _ message: String) {
    self.code = code
    self.message = message
  }

  /// The same, with a message that says more.
  public func detail<M: Message>(_ message: M) -> Refusal {
    var refusal = self
    refusal.details.append(Detail(typeName: M.typeName, data: message.encoded()))
    return refusal
  }
}

func lower(_ refusal: Refusal) -> ik_failure {
  // In the contract the codes begin with 0.
  var failure = ik_failure(
    code: refusal.code.rawValue - 1, message: inArena(refusal.message), details: ik_typed_list(items: nil, count: 0))
  if !refusal.details.isEmpty {
    let items = arrayInArena(refusal.details.count, of: ik_typed.self)
    for (index, detail) in refusal.details.enumerated() {
      items[index] = ik_typed(type_name: inArena(detail.typeName), data: inArena(detail.data))
    }
    failure.details = ik_typed_list(items: items, count: refusal.details.count)
  }
  return failure
}
