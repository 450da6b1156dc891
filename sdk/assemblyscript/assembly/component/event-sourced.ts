// Component of event-sourced services: decide and evolve (wit/event-sourced.wit).
//
//   decide-answer  36 bytes   case (u8) 0; decided: decisions 4, next: case (u8) 12, state 16
//   evolve-answer  24         case (u8) 0, state 4
//
// C1. A batch is decided one by one, each command on the state that the one before left (law L1).
// C2. A refusal leaves the state (law L3). Handlers fold their events at once, so where one refuses after emitting, the state is
//     folded again from what the call began with: it costs only the handler that does so.
//     It is told of the events again, and what it logs of them then is dropped.
// C3. Nothing is held between calls: `held` is answered `unknown`, states are always bytes.

import { Bytes } from '../bytes'
import { bytesAt, Command, commandBytes, typedBytes } from '../command'
import { Context } from '../context'
import { Typed } from '../decision'
import { EventSourcedService } from '../event-sourced'
import { takeLogs } from '../logs'
import { putBytes, putOutcome, putPair, putTyped } from '../lower'
import { allocate } from '../memory'
import { serviceNamed } from '../service'

const decisionBytes: usize = 88

const enum Basis {
  Initial,
  State,
  Held,
}

export function eventSourcedDecide(
  serviceAt: usize,
  serviceLength: i32,
  entityAt: usize,
  entityLength: i32,
  basis: i32,
  stateAt: usize,
  stateLength: i32,
  commandsAt: usize,
  commandsLength: i32,
  wantState: i32,
): usize {
  takeLogs()
  const answer = allocate(36)
  if (basis == Basis.Held) {
    store<u8>(answer, 1)
    return answer
  }
  const service = serviceNamed(new Bytes(serviceAt, serviceLength)) as EventSourcedService
  const entity = new Bytes(entityAt, entityLength)
  const before = stateOf(basis, stateAt, stateLength)
  service.__load(before)
  const accepted: Typed[] = []
  const list = allocate(<usize>commandsLength * decisionBytes)
  for (let i = 0; i < commandsLength; i++) {
    const command = new Command(commandsAt + <usize>i * commandBytes)
    decideOne(list + <usize>i * decisionBytes, service, entity, command, before, accepted)
  }
  store<u8>(answer, 0)
  putPair(answer + 4, list, commandsLength)
  const changed = accepted.length > 0 || wantState != 0
  store<u8>(answer, changed ? 1 : 0, 12)
  if (changed) putBytes(answer + 16, service.__save())
  return answer
}

export function eventSourcedEvolve(
  serviceAt: usize,
  serviceLength: i32,
  entityAt: usize,
  entityLength: i32,
  basis: i32,
  stateAt: usize,
  stateLength: i32,
  eventsAt: usize,
  eventsLength: i32,
  wantState: i32,
): usize {
  takeLogs()
  const answer = allocate(24)
  if (basis == Basis.Held) {
    store<u8>(answer, 2)
    return answer
  }
  const service = serviceNamed(new Bytes(serviceAt, serviceLength)) as EventSourcedService
  service.__load(stateOf(basis, stateAt, stateLength))
  for (let i = 0; i < eventsLength; i++) {
    const event = eventsAt + <usize>i * typedBytes
    service.__replay(bytesAt(event), bytesAt(event + 8))
  }
  store<u8>(answer, 0)
  putBytes(answer + 4, service.__save())
  return answer
}

function decideOne(
  at: usize,
  service: EventSourcedService,
  entity: Bytes,
  command: Command,
  before: Bytes | null,
  accepted: Typed[],
): void {
  const context = new Context(entity, command.nowMs, command.seed, command.metadata)
  const events: Typed[] = []
  service.__events = events
  service.__decide(command.method, command.payload, context)
  const decision = context.__decision
  const lines = takeLogs()
  if (decision.refusal === null) {
    for (let i = 0; i < events.length; i++) accepted.push(unchecked(events[i]))
  } else if (events.length > 0) {
    service.__load(before)
    for (let i = 0; i < accepted.length; i++) {
      const event = unchecked(accepted[i])
      service.__replay(Bytes.fromText(event.typeName), event.data)
    }
    takeLogs()
    events.length = 0
  }
  if (decision.refusal !== null) decision.undo()
  else decision.checkOwn(service.__name())
  putTyped(at, events)
  putOutcome(at + 8, decision, lines)
}

function stateOf(basis: i32, at: usize, length: i32): Bytes | null {
  return basis == Basis.State ? new Bytes(at, length) : null
}
