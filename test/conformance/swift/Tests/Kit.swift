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

/// Of one of the model services, so that a script says what its command causes.
private func run(_ id: String, _ acts: Act.OneOfAct...) -> Script {
  Script(id: id, acts: acts.map { Act(act: $0) })
}

private func calls(_ service: String, _ script: Script) -> Act.OneOfAct {
  .effect(Target(service: service, method: "Do", script: script))
}

private func forwards(_ service: String, _ script: Script) -> Act.OneOfAct {
  .forward(Target(service: service, method: "Do", script: script))
}

/// A script whose command is answered by the last of so many others.
private func chain(_ hops: Int) -> Script {
  var script = run("a", .say("end"))
  for _ in 0..<hops { script = run("a", forwards("Actions", script)) }
  return script
}

private let forgot = "innkeeper.conformance.v1.Events/Do: the field id names the entity and is empty; set it in the request"

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

  func heard(_ request: Answered, state: Log, context: Context) -> Decision<Log, Said> { .reply(Said()) }
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
      .when(EventsCalls.do(run("me", .forward(Target(service: "Events", method: "Do", script: script(.note("x")))))))
      .forwards(events(.note("x")))
      .when(EventsCalls.do(run("", .header(Header(name: "X-Y", text: "z")), .ask(.entity), .ask(.now), .ask(.metadata))))
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
  Test("the entity is the one that the requests name") {
    given(.eventSourced(Events()))
      .when(EventsCalls.do(run("ann", .ask(.entity)))).reply(Said(text: "ann"))
      .when(EventsCalls.do(run("ann", .note("a"), .ask(.entity)))).event(Noted(text: "a")).reply(Said(text: "ann"))
  },
  Test("events and elements are read") {
    var texts: [String] = []
    given(.eventSourced(Events())).when(events(.note("a"), .note("b")))
      .event(Noted.self) { noted in texts.append(noted.text) }.event(Noted(text: "b")).reply(Said())
    let stream = given(.action(Actions())).stream("Count").send(Script(count: 2))
    texts.append(stream.read(Said.self).text)
    stream.emits(Said(text: "2")).ends()
    let open = MembersCalls.open(script(.note("c"), .ask(.state)))
    texts.append(given(.replicated(Members())).when(open).streams(Said(text: "c")).tells(open).read(Said.self).text)
    expect(texts == ["a", "1", "c"], "each is what was said")
  },
  Test("together: effects and forwards reach the other services, each entity by its name") {
    let all = together(.eventSourced(Events()), .value(Values()), .replicated(Members()), .action(Actions()))
    all.call(ActionsCalls.do(run("", calls("Events", run("a", .note("x"))), .say("done")))).reply(Said(text: "done"))
      .call(EventsCalls.do(run("b", .note("y"), .ask(.state)))).reply(Said(text: "y"))
      .call(ActionsCalls.do(run("", forwards("Events", run("a", .note("z"), .ask(.state)))))).reply(Said(text: "x,z"))
      .call(ValuesCalls.do(run("a", .note("v"), .ask(.state)))).reply(Said(text: "[v]"))
      .call(ValuesCalls.do(run("a", .ask(.state)))).reply(Said(text: "[v]"))
      .call(ValuesCalls.do(run("a", .clear(true)))).reply(Said())
      .call(ValuesCalls.do(run("a", .ask(.state)))).reply(Said(text: "-"))
      .now(42).call(ActionsCalls.do(run("", .ask(.now), .ask(.metadata))).metadata("x-a", "b"))
      .reply(Said(text: "42 x-a=b"))
      .call(EventsCalls.do(run("a", .header(Header(name: "X-Y", text: "z"))))).header("x-y", "z").reply(Said())
    expect(all.call(EventsCalls.do(run("b", .ask(.state)))).read(Said.self).text == "y", "the reply is read")
    all.call(MembersCalls.do(run("m", .note("a"), .ask(.state)))).reply(Said(text: "a"))
      .call(MembersCalls.do(run("m", .delete(true)))).reply(Said())
      .call(MembersCalls.do(run("m", .ask(.state)))).refuses(.notFound, "Entity deleted")
      .call(MembersCalls.do(run("n", .ask(.state)))).reply(Said(text: "-"))
  },
  Test("together: all that comes of an effect is done before the next, and before the answer") {
    let first = calls("Actions", run("", calls("Events", run("a", .note("1"))), calls("Events", run("a", .note("2")))))
    let second = calls("Events", run("a", .note("3")))
    let answer = forwards("Events", run("a", .note("4"), .ask(.state)))
    together(.eventSourced(Events()), .action(Actions()))
      .call(ActionsCalls.do(run("", first, second, answer))).reply(Said(text: "1,2,3,4"))
  },
  Test("together: what no service here takes, and what is refused, is listed") {
    together(.action(Actions()), .eventSourced(Events()))
      .call(ActionsCalls.do(script(calls("Values", run("a", .note("v"))), calls("Events", run("a", refuse(9, "no"))))))
      .outside(ValuesCalls.do(run("a", .note("v"))))
      .parked(EventsCalls.do(run("a", refuse(9, "no"))), .failedPrecondition, "no")
      .reply(Said())
      .call(ActionsCalls.do(script(calls("Events", run("", .note("a"))))))
      .parked(EventsCalls.do(run("", .note("a"))), .invalidArgument, forgot).reply(Said())
      .call(EventsCalls.do(run("", .note("a")))).refuses(.invalidArgument, forgot)
  },
  Test("together: as many hops as a host follows") {
    together(.action(Actions())).call(ActionsCalls.do(chain(16))).reply(Said(text: "end"))
  },
  Test("together: two commands draw different numbers") {
    let all = together(.action(Actions()))
    let draw = ActionsCalls.do(script(.ask(.random)))
    expect(all.call(draw).read(Said.self) != all.call(draw).read(Said.self), "they are the same")
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
  Test("wrong: too many hops") {
    together(.action(Actions())).call(ActionsCalls.do(chain(17))).reply(Said(text: "end"))
  },
  Test("wrong: a forward to what is not here") {
    together(.action(Actions())).call(ActionsCalls.do(script(forwards("Events", run("a"))))).reply(Said())
  },
  Test("wrong: an effect outside that was not named") {
    together(.action(Actions())).call(ActionsCalls.do(script(calls("Events", run("a"))))).reply(Said())
  },
  Test("wrong: a parked effect that was not named") {
    together(.action(Actions()), .eventSourced(Events()))
      .call(ActionsCalls.do(script(calls("Events", run("a", refuse(9, "no")))))).reply(Said())
  },
  Test("wrong: a stream of services together") {
    together(.action(Actions())).call(ActionsCalls.count(script())).reply(Said())
  },
  Test("wrong: a service that is there twice") {
    _ = together(.action(Actions()), .action(Actions()))
  },
  Test("wrong: a service that remembers, together") {
    together(.eventSourced(Forgetless())).call(events()).reply(Said(text: "1"))
  },
  Test("wrong: a request without its key") {
    given(.eventSourced(Events())).when(EventsCalls.do(run("", .say("a")))).reply(Said(text: "a"))
  },
  Test("wrong: a request that names another entity") {
    given(.eventSourced(Events())).when(events(.say("a"))).reply(Said(text: "a"))
      .when(EventsCalls.do(run("b", .say("a")))).reply(Said(text: "a"))
  },
  Test("wrong: a request that names another than was given") {
    given(.eventSourced(Events())).entity("me").when(events(.say("a"))).reply(Said(text: "a"))
  },
  Test("wrong: another event is read") {
    given(.eventSourced(Events())).when(events(.note("a"))).event(Cleared.self) { _ in }.reply(Said())
  },
  Test("wrong: no event to read") {
    given(.eventSourced(Events())).when(events(.say("a"))).event(Noted.self) { _ in }.reply(Said(text: "a"))
  },
  Test("wrong: no element to read") {
    _ = given(.action(Actions())).stream("Join").send(script(.say("a"))).read(Said.self)
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
  Test("views: the row of an entity") {
    givenView(notes)
      .event(.events, "a", Noted(text: "x")).event(.events, "b", Noted(text: "y")).event(.events, "a", Noted(text: "z"))
      .then([("a", Cell(key: "a", text: "xz", count: 2)), ("b", Cell(key: "b", text: "y", count: 1))])
      .event(.events, "a", Cleared()).event(.events, "b", Cleared()).thenNone()
    givenView(notes, [("a", Cell(key: "a", text: "old", count: 7))])
      .event(.events, "a", Noted(text: "!")).then([("a", Cell(key: "a", text: "old!", count: 8))])
  },
  Test("views: rows with keys of their own, of several sources") {
    givenView(board)
      .event(.events, "a", Noted(text: "x")).updated(.values, "v", Box(text: "one"))
      .event(.events, "b", Noted(text: "x")).updated(.values, "v", Box(text: "two"))
      .then([("w:x", Cell(key: "w:x", text: "x", count: 2)), ("v:two:v", Cell(key: "v:two:v", text: "two", count: 4))])
      .deleted(.values, "v").then([("w:x", Cell(key: "w:x", text: "x", count: 2))])
  },
  Test("views: rows of replicated values") {
    givenView(crowd)
      .replica(.members, "a", ORSet<String>.self) { set in
        set.add("y")
        set.add("x")
      }
      .replica(.replicas, "r", All.self) { all in
        all.f.enable()
        all.m["k"].add(-2)
      }
      .replica(.members, "a", ORSet<String>.self) { set in set.add("x") }
      .then([
        ("m:x:a", Cell(key: "m:x:a", text: "x", count: 1)),
        ("r", Cell(key: "r", text: "g=0 p=0 gs= os= r= f=true m=k:-2 v=0/1/false n=", count: 1)),
      ])
      .deleted(.replicas, "r")
      .replica(.members, "a", ORSet<String>.self) { set in set.clear() }
      .thenNone()
  },
  Test("wrong: a view changes what it can only look at") {
    givenView(meddling).replica(.members, "a", ORSet<String>.self) { set in set.add("x") }.thenNone()
  },
  Test("wrong: a view has other rows") {
    givenView(notes).event(.events, "a", Noted(text: "x")).then([("a", Cell(key: "a", text: "x", count: 2))])
  },
  Test("wrong: a view has a row") { givenView(notes).event(.events, "a", Noted(text: "x")).thenNone() },
  Test("wrong: a view depends on the order of entities") {
    givenView(last).event(.events, "a", Noted(text: "x")).event(.events, "b", Noted(text: "y")).thenNone()
  },
  Test("wrong: a view depends on values in between") {
    givenView(counting).updated(.values, "a", Box(text: "x")).updated(.values, "a", Box(text: "y")).thenNone()
  },
  Test("wrong: a view puts a row whose key was not named") {
    givenView(stray).event(.events, "a", Noted(text: "x")).thenNone()
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

private let meddling = Service.view(
  .notes, Cell.self,
  .replicas(
    .members,
    .row(ORSet<String>.self) { set, _, _ in
      set.add("more")
      return nil
    }))
private let last = Service.view(
  .board, Cell.self,
  .events(.events, .rows(Noted.self, keys: { _, _ in ["one"] }) { noted, rows, _ in rows.put("one", Cell(text: noted.text)) }))

private let counting = Service.view(
  .board, Cell.self, .values(.values, .row(Box.self) { _, row, _ in Cell(count: (row?.count ?? 0) + 1) }))

private let stray = Service.view(
  .board, Cell.self,
  .events(.events, .rows(Noted.self, keys: { _, _ in [] }) { _, rows, _ in rows.put("other", Cell()) }))

private func inMessage(_ text: StaticString) -> String {
  String(decoding: UnsafeBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount), as: UTF8.self)
}
