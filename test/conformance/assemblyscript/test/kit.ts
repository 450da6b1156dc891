// What the test kit says of services of every kind; the services are the model ones.
import { Box as Boxed, Bytes, Call, Code, ORSet } from '@innkeeper/sdk-assemblyscript/assembly'
import {
  entity,
  given,
  givenReplicated,
  givenValue,
  givenView,
  replicaOf,
  stream,
  test,
  Together,
  together,
  when,
} from '@innkeeper/sdk-assemblyscript/assembly/testing'
import { Actions } from '../assembly/actions'
import { Events } from '../assembly/events'
import {
  Act,
  Ask,
  Box,
  Cell,
  Change,
  Cleared,
  EventsName,
  Header,
  MembersName,
  Noted,
  Refusal,
  ReplicasName,
  Said,
  Script,
  Target,
  ValuesName,
} from '../assembly/gen/conformance'
import { Members } from '../assembly/members'
import { All, Replicas } from '../assembly/replicas'
import { Values } from '../assembly/values'
import { board, crowd, notes } from '../assembly/views'

function script(acts: Act[]): Script {
  const made = new Script()
  made.id = 'entity'
  made.acts = acts
  return made
}

function note(text: string): Act {
  const act = new Act()
  act.note = text
  return act
}

function say(text: string): Act {
  const act = new Act()
  act.say = text
  return act
}

function state(): Act {
  const act = new Act()
  act.ask = new Boxed<i32>(Ask.STATE)
  return act
}

function refuse(code: u32, message: string): Act {
  const act = new Act()
  act.refuse = Refusal.of(code, message, '')
  return act
}

function effect(): Act {
  const act = new Act()
  act.effect = Target.of('Events', 'Do', script([note('x')]), false)
  return act
}

function called(): Call {
  return new Call('innkeeper.conformance.v1.Events', 'Do', script([note('x')]))
}

test('events: emitted, folded, replied', () => {
  given(new Events(), [Noted.of('a')])
    .when('Do', script([note('b'), state(), effect()]))
    .effects([called()])
    .then([Noted.of('b')], Said.of('a,b'))
    .when('Do', script([note('c'), refuse(9, 'no')]))
    .refuses(Code.FailedPrecondition, 'no')
    .when('Do', script([state()]))
    .then([], Said.of('a,b'))
})

test('values: updated and kept', () => {
  givenValue(new Values())
    .when('Do', script([note('a'), state()]))
    .then(Box.of('a'), Said.of('[a]'))
    .when('Do', script([note('b'), refuse(9, 'no')]))
    .refuses(Code.FailedPrecondition)
    .when('Do', script([state()]))
    .then(Box.of('a'), Said.of('[a]'))
})

test('replicated: a set, and who listens to it', () => {
  givenReplicated(new Members())
    .when('Do', script([note('b'), note('a'), state()]))
    .then(Said.of('a,b'))
    .when('Open', script([say('hi')]))
    .streams(Said.of('hi'))
    .changed('Open', script([]))
    .then(Said.of('a,b'))
    .cancelled('Open', script([]))
    .when('Do', script([state()]))
    .then(Said.of('a,b,left'))
})

test('replicated: a map of all kinds', () => {
  const change = new Change()
  change.increment = new Boxed<u64>(3)
  const act = new Act()
  act.change = change
  givenReplicated(new Replicas())
    .when('Do', script([act, act, state()]))
    .then(Said.of('g=6 p=0 gs= os= r= f=false m= v=0/1/false n='))
})

test('a reply is read, and sent once more', () => {
  const first = given(new Events()).when('Do', script([note('a'), state()]))
  const reply = first.read<Said>()
  assert(reply.text == 'a', 'another text')
  first.then([Noted.of('a')], reply)
  const second = when(new Actions(), 'Do', script([say(reply.text)]))
  second.then(second.read<Said>())
})

test('events and elements are read', () => {
  const clear = new Act()
  clear.clear = new Boxed<bool>(true)
  const first = given(new Events()).when('Do', script([note('a'), clear, note('b')]))
  const names = 'innkeeper.conformance.v1.Noted innkeeper.conformance.v1.Cleared innkeeper.conformance.v1.Noted'
  assert(first.eventNames.join(' ') == names, first.eventNames.join(' '))
  assert(first.event<Noted>(0).text == 'a' && first.event<Noted>(2).text == 'b', 'other texts')
  first.then([first.event<Noted>(0), first.event<Cleared>(1), Noted.of('b')], Said.of(''))
  const three = script([effect()])
  three.count = 3
  three.chunk = 1
  const counting = stream(new Actions(), 'Count').sends(three)
  assert(counting.read<Said>().text == '1' && counting.read<Said>().text == '2', 'other numbers')
  counting.effects([called()]).emits([Said.of('3')]).ends()
  const told = givenReplicated(new Members()).changed('Open', script([]))
  told.then(told.read<Said>())
})

function asksEntity(id: string): Script {
  const act = new Act()
  act.ask = new Boxed<i32>(Ask.ENTITY)
  const made = script([act])
  made.id = id
  return made
}

test('the entity is the one that the request names', () => {
  given(new Events())
    .when('Do', asksEntity('ann'))
    .then([], Said.of('ann'))
    .when('Do', asksEntity('ann'))
    .then([], Said.of('ann'))
  givenValue(new Values()).when('Do', asksEntity('bob')).then(null, Said.of('bob'))
  givenReplicated(new Members()).when('Do', asksEntity('eve')).then(Said.of('eve'))
  // What the test says goes before.
  entity('me')
  givenValue(new Values())
    .when('Do', asksEntity('bob'))
    .then(null, Said.of('me'))
    .when('Do', asksEntity(''))
    .then(null, Said.of('me'))
})

/** A call by its names, as a script has it. */
function to(service: string, id: string, acts: Act[]): Target {
  const made = script(acts)
  made.id = id
  return Target.of(service, 'Do', made, false)
}

function effectOn(target: Target): Act {
  const act = new Act()
  act.effect = target
  return act
}

function forwardTo(target: Target): Act {
  const act = new Act()
  act.forward = target
  return act
}

function callTo(target: Target): Call {
  return new Call(`innkeeper.conformance.v1.${target.service}`, target.method, target.script!)
}

function allKinds(): Together {
  return together([new Events(), new Values(), new Members(), new Actions()])
}

test('effects reach the other services, each with all that comes of it, before the answer', () => {
  const all = allKinds()
  const deep = to('Values', 'v', [note('x'), effectOn(to('Events', 'log', [note('deep')]))])
  const wide = to('Events', 'log', [note('wide')])
  const acts = [note('own'), effectOn(deep), effectOn(wide), effectOn(to('Members', 'm', [note('set')]))]
  all.call(callTo(to('Actions', 'a', acts))).replies(Said.of(''))
  all.call(callTo(to('Events', 'log', [state()]))).replies(Said.of('deep,wide'))
  all.call(callTo(to('Values', 'v', [state()]))).replies(Said.of('[x]'))
  assert(all.call(callTo(to('Members', 'm', [state()]))).read<Said>().text == 'set', 'another set')
  all.call(callTo(to('Events', 'another', [state()]))).replies(Said.of('-'))
  all.leaves([]).parks([])
})

test('a forward is answered by the other service, after the effects', () => {
  const all = allKinds()
  const header = new Act()
  header.header = Header.of('x-seen', 'yes', Bytes.empty())
  const first = effectOn(to('Values', 'v', [note('first')]))
  all
    .call(callTo(to('Events', 'a', [first, forwardTo(to('Values', 'v', [state(), header]))])))
    .header('x-seen', 'yes')
    .replies(Said.of('[first]'))
  all
    .call(callTo(to('Events', 'a', [forwardTo(to('Values', 'v', [refuse(9, 'not here')]))])))
    .refuses(Code.FailedPrecondition, 'not here')
  all.call(callTo(to('Events', 'a', [forwardTo(to('Values', '', []))]))).refuses(Code.InvalidArgument)
})

test('effects that reach nobody are listed, and their cause stays', () => {
  const all = together([new Events(), new Values()])
  const lost = effectOn(to('Events', 'b', [note('lost')]))
  const refusing = to('Values', 'v', [note('lost'), lost, refuse(9, 'no')])
  const nameless = to('Values', '', [])
  const elsewhere = to('Members', 'm', [note('out')])
  const acts = [note('kept'), effectOn(refusing), effectOn(nameless), effectOn(elsewhere)]
  all.call(callTo(to('Events', 'a', acts))).replies(Said.of(''))
  all.leaves([callTo(elsewhere)]).parks([callTo(refusing), callTo(nameless)])
  assert(all.parked[0].code == Code.FailedPrecondition && all.parked[0].message == 'no', 'another refusal')
  assert(all.parked[1].code == Code.InvalidArgument, all.parked[1].message)
  all.call(callTo(to('Events', 'a', [state()]))).replies(Said.of('kept'))
  all.call(callTo(to('Values', 'v', [state()]))).replies(Said.of('-'))
  // A refusal of an entity has no effects.
  all.call(callTo(to('Events', 'b', [state()]))).replies(Said.of('-'))
})

test('together: a deleted entity stays deleted', () => {
  const all = allKinds()
  const act = new Act()
  act.delete = new Boxed<bool>(true)
  all.call(callTo(to('Members', 'm', [act]))).replies(Said.of(''))
  all.call(callTo(to('Members', 'm', []))).refuses(Code.NotFound, 'Entity deleted')
})

test('together: a chain of as many hops as a host follows is none without end', () => {
  let chain = to('Events', 'a', [say('end')])
  for (let i = 0; i < 16; i++) chain = to('Events', 'a', [effectOn(chain)])
  const all = allKinds()
  all.call(callTo(chain)).replies(Said.of(''))
  all.parks([])
})

test('the entity has the name that a test gives', () => {
  const act = new Act()
  act.ask = new Boxed<i32>(Ask.ENTITY)
  entity('me')
  given(new Events()).when('Do', script([act])).then([], Said.of('me'))
  entity('entity')
})

test('actions: a refusal keeps its effects', () => {
  when(new Actions(), 'Do', script([effect(), refuse(5, 'none')]))
    .effects([called()])
    .refuses(Code.NotFound, 'none')
})

test('streams: what goes in and what comes out', () => {
  stream(new Actions(), 'Chat')
    .sends(script([say('a')]))
    .emits([Said.of('a')])
    .sends(script([]))
    .closes()
    .emits([Said.of('bye')])
    .ends()
  const three = new Script()
  three.count = 3
  three.chunk = 1
  stream(new Actions(), 'Count').sends(three).emits([Said.of('1'), Said.of('2'), Said.of('3')]).ends()
  stream(new Actions(), 'Join').sends(script([say('a')])).sends(script([say('b')])).closes().emits([Said.of('a,b')]).ends()
})

test('views: the row of an entity', () => {
  givenView(notes)
    .event(EventsName, 'a', Noted.of('x'))
    .event(EventsName, 'b', Noted.of('y'))
    .event(EventsName, 'a', Noted.of('z'))
    .then(['a', 'b'], [Cell.of('a', 'xz', 2), Cell.of('b', 'y', 1)])
    .event(EventsName, 'a', new Cleared())
    .then(['b'], [Cell.of('b', 'y', 1)])
  givenView(notes)
    .row('a', Cell.of('a', 'old', 7))
    .event(EventsName, 'a', Noted.of('!'))
    .then(['a'], [Cell.of('a', 'old!', 8)])
})

test('views: rows with keys of their own, of several sources', () => {
  givenView(board)
    .event(EventsName, 'a', Noted.of('x'))
    .updated(ValuesName, 'v', Box.of('one'))
    .event(EventsName, 'b', Noted.of('x'))
    .updated(ValuesName, 'v', Box.of('two'))
    .then(['w:x', 'v:two:v'], [Cell.of('w:x', 'x', 2), Cell.of('v:two:v', 'two', 4)])
    .deleted(ValuesName, 'v')
    .then(['w:x'], [Cell.of('w:x', 'x', 2)])
})

function crowded(texts: string[]): ORSet {
  const set = replicaOf<ORSet>()
  for (let i = 0; i < texts.length; i++) set.add(texts[i])
  return set
}

test('views: rows of replicated values', () => {
  const all = replicaOf<All>()
  all.f.enable()
  all.m.at('k').add(-2)
  const shown = 'g=0 p=0 gs= os= r= f=true m=k:-2 v=0/1/false n='
  givenView(crowd)
    .replica(MembersName, 'a', crowded(['y', 'x']))
    .replica(ReplicasName, 'r', all)
    .replica(MembersName, 'a', crowded(['x']))
    .then(['m:x:a', 'r'], [Cell.of('m:x:a', 'x', 1), Cell.of('r', shown, 1)])
    .deleted(ReplicasName, 'r')
    .replica(MembersName, 'a', crowded([]))
    .then([], [])
})
