// The model services in Swift. Each has a file of its own; Script.swift has what they share.
import Innkeeper

let services: [Service] = [
  .eventSourced(Events()),
  .value(Values()),
  .replicated(Replicas()),
  .replicated(
    Members(),
    Options(views: [.nothing("Blind"), .element("One", "element"), .dynamic("Some")])),
  .action(Actions()),
  notes,
  board,
  crowd,
]
