// Replicas: the model service of replicated values, all kinds in one map.
import Innkeeper

struct All: RecordView {
  let record: Record
  var g: GCounter { record["g"] }
  var p: PNCounter { record["p"] }
  var gs: GSet<String> { record["gs"] }
  var os: ORSet<String> { record["os"] }
  var r: LWWRegister<String> { record["r"] }
  var f: Flag { record["f"] }
  var m: ORMap<String, PNCounter> { record["m"] }
  var v: Vote { record["v"] }
  var n: ORMap<String, ORSet<String>> { record["n"] }
}

struct Replicas: ReplicasReplicated {
  func `do`(_ request: Script, view: All, context: ReplicatedContext) -> Answer<Said> {
    let done = perform(
      request, context,
      Doing { act in
        switch act.act {
        case .clear: context.remove()
        case .consistency(let number): if number <= 2 { context.write(Consistency(rawValue: UInt8(number))!) }
        case .change(let change): view.operate(change)
        default: break
        }
      }, words: .replicas(context))
    switch done {
    case .refusal(let refusal): return .refuse(refusal)
    case .forward(let call): return .forward(call)
    case .later(let ticket, let within): return .later(ticket, within: within)
    case .said(let pieces): return .reply(said(pieces) { view.shown })
    }
  }
}

extension All {
  func operate(_ change: Change) {
    switch change.change {
    case .increment(let amount): g.add(amount)
    case .add(let amount): p.add(amount)
    case .grow(let element): gs.add(element)
    case .insert(let element): os.add(element)
    case .remove(let element): os.remove(element)
    case .clear: os.clear()
    case .assign(let assign):
      let clock = Clock(rawValue: assign.clock <= 3 ? UInt8(assign.clock) : 0)!
      r.set(assign.value, clock: clock, custom: assign.customClock)
    case .enable: f.enable()
    case .vote(let vote): v.set(vote)
    case .count(let count): m[count.key].add(count.by)
    case .uncount(let key): m.remove(key)
    case .clearCounts: m.clear()
    case .nest(let nest): n[nest.key].add(nest.element)
    case .unnest(let key): n.remove(key)
    case .createCount(let key): m.create(key)
    case .createNest(let key): n.create(key)
    case nil: break
    }
  }

  var shown: String {
    let counts = joined(m.keys.map { "\($0):\(m[$0].value)" }, ",")
    let nested = joined(n.keys.map { "\($0):\(joined(n[$0].elements, "+"))" }, ",")
    let sets = "gs=\(joined(gs.elements, ",")) os=\(joined(os.elements, ","))"
    let vote = "\(v.votesFor)/\(v.voters)/\(v.own ? "true" : "false")"
    return "g=\(g.value) p=\(p.value) \(sets) r=\(r.value ?? "") f=\(f.value ? "true" : "false") m=\(counts) v=\(vote) n=\(nested)"
  }
}

extension Words {
  static func replicas(_ context: Context) -> Words {
    Words(
      context: context,
      answers: { method, answer in
        switch (method, answer) {
        case ("Do", .reply(let said)): return ReplicasAnswers.do(said)
        case ("Do", .refusal(let refusal)): return ReplicasAnswers.do(refusal)
        default: return nil
        }
      })
  }
}
