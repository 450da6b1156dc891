// Log: lines for the host's log, beside the answer of a command: `log.info("3 items")`. `print` says one at the level info.
//
// L1. Lines belong to the command that is being decided, and come with its outcome, a refusal too. What a fold says while the host
//     folds history is dropped, and so is what nobody would hear: past 100 lines or 16 KiB the text is not even made.
import InnkeeperABI

public let log = Logger()

public struct Logger: Sendable {
  public func debug(_ text: @autoclosure () -> String) { if ik_hears() { say(IK_DEBUG, text()) } }
  public func info(_ text: @autoclosure () -> String) { if ik_hears() { say(IK_INFO, text()) } }
  public func warn(_ text: @autoclosure () -> String) { if ik_hears() { say(IK_WARN, text()) } }
  public func error(_ text: @autoclosure () -> String) { if ik_hears() { say(IK_ERROR, text()) } }

  @inline(never)
  private func say(_ level: ik_level, _ text: String) { ik_log_text(level, inArena(text)) }
}
