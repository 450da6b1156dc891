// What the test kit says of services of every kind; the services are the model ones.
import { Box as Boxed, Call, Code } from '@innkeeper/sdk-assemblyscript/assembly'
import { entity, given, givenReplicated, givenValue, stream, test, when } from '@innkeeper/sdk-assemblyscript/assembly/testing'
import { Actions } from '../assembly/actions'
import { Events } from '../assembly/events'
import { Act, Ask, Box, Change, Noted, Refusal, Said, Script, Target } from '../assembly/gen/conformance'
import { Members } from '../assembly/members'
import { Replicas } from '../assembly/replicas'
import { Values } from '../assembly/values'

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
