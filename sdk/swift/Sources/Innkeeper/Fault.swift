// Fault: what an author got wrong ends the call, and with it the instance. What a caller got wrong is a refusal instead.
import InnkeeperABI

/// The call fails as a fault of the service. Nobody reads `why` but who runs the tests.
public func fault(_ why: StaticString) -> Never {
  ik_swift_say(why.utf8Start, why.utf8CodeUnitCount)
  fatalError()
}
