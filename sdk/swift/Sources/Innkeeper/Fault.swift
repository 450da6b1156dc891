// Fault: what an author got wrong ends the call, and with it the instance. What a caller got wrong is a refusal instead.
//
// F1. A fault's words and its place go to the host's log, never to a caller (`innkeeper_fault` of the contract).
// F2. Swift's own `fatalError`, `precondition` and `preconditionFailure` drop their words where code is optimised. Those of this
//     module have the same types, so that they hide them wherever it is imported.
// F3. Checks that the compiler makes (an overflow, an index, `nil!`, `try!`) are bare traps: they have no words to be had.
import InnkeeperABI

/// The call fails as a fault of the service.
@inline(never)
public func fault(_ words: StaticString, file: StaticString = #filePath, line: UInt = #line) -> Never {
  end(inArena(words), file, line)
}

@inline(never)
@_disfavoredOverload
public func fault(_ words: String, file: StaticString = #filePath, line: UInt = #line) -> Never {
  end(inArena(words), file, line)
}

private func end(_ words: ik_text, _ file: StaticString, _ line: UInt) -> Never {
  ik_fault_begin(inArena(file), UInt32(truncatingIfNeeded: line))
  ik_fault_add(words)
  ik_fault_end()
}

/// With a name in its words. Nothing is allocated: a text with the name in it would be code.
@inline(never)
func fault(
  _ before: StaticString, _ name: ik_text, _ after: StaticString = "", _ problem: StaticString = "",
  file: StaticString = #filePath, line: UInt = #line
) -> Never {
  ik_fault_begin(inArena(file), UInt32(truncatingIfNeeded: line))
  ik_fault_add(inArena(before))
  ik_fault_add(name)
  ik_fault_add(inArena(after))
  ik_fault_add(inArena(problem))
  ik_fault_end()
}

public func fatalError(
  _ message: @autoclosure () -> StaticString = "fatal error", file: StaticString = #filePath, line: UInt = #line
) -> Never {
  fault(message(), file: file, line: line)
}

@_disfavoredOverload
public func fatalError(
  _ message: @autoclosure () -> String, file: StaticString = #filePath, line: UInt = #line
) -> Never {
  fault(message(), file: file, line: line)
}

public func preconditionFailure(
  _ message: @autoclosure () -> StaticString = "precondition failed", file: StaticString = #filePath, line: UInt = #line
) -> Never {
  fault(message(), file: file, line: line)
}

@_disfavoredOverload
public func preconditionFailure(
  _ message: @autoclosure () -> String, file: StaticString = #filePath, line: UInt = #line
) -> Never {
  fault(message(), file: file, line: line)
}

public func precondition(
  _ condition: @autoclosure () -> Bool, _ message: @autoclosure () -> StaticString = "precondition failed",
  file: StaticString = #filePath, line: UInt = #line
) {
  if !condition() { fault(message(), file: file, line: line) }
}

@_disfavoredOverload
public func precondition(
  _ condition: @autoclosure () -> Bool, _ message: @autoclosure () -> String, file: StaticString = #filePath,
  line: UInt = #line
) {
  if !condition() { fault(message(), file: file, line: line) }
}
