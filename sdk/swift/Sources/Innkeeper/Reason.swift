// Reason: why an ask failed, as far as it matters: did it happen?
//
// R1. The host puts one google.rpc.ErrorInfo of the domain "innkeeper" into the failure's details. Without it nothing is known.
import InnkeeperABI

public enum Reason: Sendable {
  /// The target refused: it did not happen.
  case refused
  /// It never left: it did not happen.
  case notSent
  /// It may have happened.
  case unknown
}

/// google.rpc.Status, the `failure` of an answer. Generated code says that it is one.
public protocol Failure: Message {}

extension Failure {
  /// Why the ask failed.
  public var reason: Reason {
    let bytes = encoded()
    return bytes.withUnsafeBufferPointer { reasonIn($0) }
  }
}

private func reasonIn(_ status: UnsafeBufferPointer<UInt8>) -> Reason {
  var reader = Reader(status)
  while let tag = reader.tag() {
    if tag != 26 {
      reader.skip(tag)
      continue
    }
    let any = reader.buffer()
    let info = part(2, of: any)
    if !equals(part(1, of: any), "type.googleapis.com/google.rpc.ErrorInfo") || !equals(part(2, of: info), "innkeeper") {
      continue
    }
    if equals(part(1, of: info), "REFUSED") { return .refused }
    if equals(part(1, of: info), "NOT_SENT") { return .notSent }
  }
  return .unknown
}

private func equals(_ bytes: UnsafeBufferPointer<UInt8>, _ text: StaticString) -> Bool {
  ik_bytes(data: bytes.baseAddress, length: bytes.count).equals(text)
}

/// The field that has a length, the last of several.
private func part(_ number: UInt32, of message: UnsafeBufferPointer<UInt8>) -> UnsafeBufferPointer<UInt8> {
  var reader = Reader(message)
  var part = UnsafeBufferPointer<UInt8>(start: nil, count: 0)
  while let tag = reader.tag() {
    if tag == number << 3 | 2 { part = reader.buffer() } else { reader.skip(tag) }
  }
  if reader.problem != nil { return UnsafeBufferPointer(start: nil, count: 0) }
  return part
}
