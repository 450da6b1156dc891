// What the test kit says of services of every kind; the services are the model ones. Tests whose name begins with "wrong" are to
// fail.
import Innkeeper

private func script(_ acts: Act.OneOfAct...) -> Script {
  Script(id: "entity", acts: acts.map { Act(act: $0) })
}

private func events(_ acts: Act.OneOfAct...) -> Call {
  EventsCalls.do(Script(id: "entity", acts: acts.map { Act(act: $0) }))
}

private func replicas(_ change: Change.OneOfChange) -> Call {
  ReplicasCalls.do(script(.change(Change(change: change)), .say("done")))
}

private let noted = EventsCalls.do(Script(id: "x", acts: [Act(act: .note("x"))]))

private func effect(_ synchronous: Bool = false) -> Act.OneOfAct {
  let script = Script(id: "x", acts: [Act(act: .note("x"))])
  return .effect(Target(service: "Events", method: "Do", script: script, synchronous: synchronous))
}

private func refuse(_ code: UInt32, _ message: String) -> Act.OneOfAct {
  .refuse(Refusal(code: code, message: message))
}

/// Remembers, as a service must not.
private final class Memory {
  var calls = 0
}

private struct Forgetless: EventsEventSourced {
  let memory = Memory()
  let events: [On<Log>] = [.on(Noted.self) { log, noted in log.notes.append(noted.text) }]

  func `do`(_ request: Script, state: Log, context: Context) -> Decision<Log, Said> {
    memory.calls += 1
    return .reply(Said(text: "\(memory.calls)"))
  }
}

let tests: [Test] = [
  Test("events: emitted, folded, replied") {
    given(.eventSourced(Events())).event(Noted(text: "a"))
      .when(events(.note("b"), .ask(.state), effect())).event(Noted(text: "b")).effect(noted).reply(Said(text: "a,b"))
      .when(events(.note("c"), refuse(9, "no"))).refuses(.failedPrecondition, "no")
      .when(events(.ask(.state))).reply(Said(text: "a,b"))
      .when(events(.clear(true), .ask(.state))).event(Cleared()).reply(Said(text: "-"))
  },
  Test("a reply is read") {
    let then = given(.eventSourced(Events())).when(events(.note("a"), .ask(.state)))
    let reply = then.read(Said.self)
    expect(reply.text == "a", "another text")
    then.event(Noted(text: "a")).reply(reply)
  },
  Test("wrong: a refusal is read") {
    _ = given(.eventSourced(Events())).when(events(refuse(5, "no"))).read(Said.self)
  },
  Test("events: forwards, headers, what the caller sent, time and chance") {
    given(.eventSourced(Events())).entity("me").now(42).metadata("x-a", "b")
      .when(events(.forward(Target(service: "Events", method: "Do", script: script(.note("x"))))))
      .forwards(events(.note("x")))
      .when(events(.header(Header(name: "X-Y", text: "z")), .ask(.entity), .ask(.now), .ask(.metadata)))
      .header("x-y", "z").reply(Said(text: "me 42 x-a=b"))
  },
  Test("values: updated, removed") {
    given(.value(Values())).value(Box(text: "a"))
      .when(ValuesCalls.do(script(.ask(.state)))).reply(Said(text: "[a]"))
      .when(ValuesCalls.do(script(.note("b"), .ask(.state)))).updates(Box(text: "b")).reply(Said(text: "[b]"))
      .when(ValuesCalls.do(script(.clear(true), .ask(.state)))).removes().reply(Said(text: "-"))
      .when(ValuesCalls.do(script(.note("c"), refuse(5, "no")))).refuses(.notFound, "no")
      .when(ValuesCalls.do(script(.ask(.state)))).reply(Said(text: "-"))
  },
  Test("replicated: all kinds") {
    given(.replicated(Replicas()))
      .when(replicas(.increment(3))).reply(Said(text: "done"))
      .when(replicas(.add(-2))).reply(Said(text: "done"))
      .when(replicas(.grow("b"))).reply(Said(text: "done"))
      .when(replicas(.grow("a"))).reply(Said(text: "done"))
      .when(replicas(.insert("c"))).reply(Said(text: "done"))
      .when(replicas(.assign(Assign(value: "x", clock: 2, customClock: 7)))).reply(Said(text: "done"))
      .when(replicas(.enable(true))).reply(Said(text: "done"))
      .when(replicas(.vote(true))).reply(Said(text: "done"))
      .when(replicas(.count(Count(key: "k", by: 5)))).reply(Said(text: "done"))
      .when(replicas(.nest(Nest(key: "n", element: "e")))).reply(Said(text: "done"))
      .when(ReplicasCalls.do(script(.ask(.state))))
      .reply(Said(text: "g=3 p=-2 gs=a,b os=c r=x f=true m=k:5 v=1/1/true n=n:e"))
      .when(ReplicasCalls.do(script(.clear(true)))).removes().reply(Said())
  },
  Test("replicated: a value that only the host knows is asked for") {
    given(.replicated(Replicas()))
      .when(replicas(.assign(Assign(value: "x")))).reply(Said(text: "done"))
      .when(
        ReplicasCalls.do(
          script(.change(Change(change: .assign(Assign(value: "y", clock: 1)))), .ask(.state))))
      .reply(Said(text: "g=0 p=0 gs= os= r=y f=false m= v=0/1/false n="))
  },
  Test("replicated: subscribers") {
    let open = MembersCalls.open(script(.note("a"), .ask(.state)))
    let members = given(.replicated(Members())).when(open).streams(Said(text: "a"))
    members.tells(open).emits(Said(text: "a"))
    members.when(MembersCalls.do(script(.note("end")))).reply(Said())
    members.tells(open).ends(Said(text: "a,end"))
    members.when(MembersCalls.do(script(.note("bad")))).reply(Said())
    members.tells(open).refuses(.failedPrecondition, "bad")
    members.cancels(open).when(MembersCalls.do(script(.ask(.state)))).reply(Said(text: "a,bad,end,left"))
  },
  Test("actions: a refusal keeps its effects") {
    given(.action(Actions()))
      .when(ActionsCalls.do(script(effect(true), refuse(7, "no")))).effect(noted, synchronous: true)
      .refuses(.permissionDenied, "no")
  },
  Test("actions: streams") {
    let actions = given(.action(Actions()))
    actions.stream("Count").send(Script(count: 3, chunk: 2))
      .emits(Said(text: "1")).emits(Said(text: "2")).emits(Said(text: "3")).ends()
    actions.stream("Join").send(script(.say("a"))).send(script(.say("b"))).sent().emits(Said(text: "a,b")).ends()
    actions.stream("Join").send(script(refuse(3, "enough"))).refuses(.invalidArgument, "enough").ends()
    actions.stream("Chat").send(script(.say("a"))).emits(Said(text: "a")).sent().emits(Said(text: "bye")).ends()
    actions.stream("Chat").cancel()
      .effect(EventsCalls.do(Script(id: "left", acts: [Act(act: .note("left"))])))
  },
  Test("maps: in the order of their keys, by bytes") {
    var map: Map<String, Int32> = ["b": 1, "a": 2, "e\u{301}": 3, "\u{e9}": 4]
    map["c"] = 5
    map["b"] = nil
    var keys: [String] = []
    for (key, _) in map { keys.append(key) }
    expect(keys.count == 4, "there are four keys: e with an accent in two ways are two")
    expect(map["a"] == 2 && map["\u{e9}"] == 4 && map["e\u{301}"] == 3 && map["b"] == nil, "each key has its value")
    expect(map["z", default: 9] == 9, "a default")
  },
  Test("messages: one that holds its own type") {
    var tree = Tree(name: "a", children: [Tree(name: "b")])
    tree.children[0].children.append(Tree(name: "c"))
    let again = try? Tree(bytes: tree.encoded())
    expect(again! == tree, "it reads as it was written")
    do throws(Malformed) {
      _ = try Tree(bytes: [10])
      expect(false, "a message that is cut off is none")
    } catch {
      expect(inMessage(error.problem) == "the message is cut off", "what is wrong is told")
    }
  },
  Test("wrong: an event that was not named") {
    given(.eventSourced(Events())).when(events(.note("a"))).reply(Said())
  },
  Test("wrong: another event") {
    given(.eventSourced(Events())).when(events(.note("a"))).event(Noted(text: "b")).reply(Said())
  },
  Test("wrong: another reply") {
    given(.eventSourced(Events())).when(events(.say("a"))).reply(Said(text: "b"))
  },
  Test("wrong: an effect that was not named") {
    given(.eventSourced(Events())).when(events(effect())).reply(Said())
  },
  Test("wrong: an update that was not named") {
    given(.value(Values())).when(ValuesCalls.do(script(.note("b")))).reply(Said())
  },
  Test("wrong: another refusal") {
    given(.eventSourced(Events())).when(events(refuse(3, "no"))).refuses(.invalidArgument, "yes")
  },
  Test("wrong: a service that remembers") {
    given(.eventSourced(Forgetless())).when(events()).reply(Said(text: "1"))
  },
  Test("wrong: a header that reaches no function") {
    given(.eventSourced(Events())).metadata("x-token", "fine").metadata("Authorization", "secret")
      .when(events(.say("a"))).reply(Said(text: "a"))
  },
  Test("wrong: a header of the transport") {
    given(.eventSourced(Events())).metadata("grpc-timeout", "1S").when(events(.say("a"))).reply(Said(text: "a"))
  },
  Test("wrong: a fault") {
    given(.eventSourced(Events())).when(
      EventsCalls.do(Script(id: "a", acts: [Act(act: .fault(.trap))], element: "armed"))
    ).reply(Said())
  },
]

private func inMessage(_ text: StaticString) -> String {
  String(decoding: UnsafeBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount), as: UTF8.self)
}
