// Component: what the host calls. The build gives these functions the names that the contract has for them.
//
//   decide-answer  36 bytes   case (u8) 0; decided: decisions 4, next: case (u8) 12, state 16
//   evolve-answer  24         case (u8) 0, state 4
//   description    32         sdk-name 0, sdk-version 8, services 16, descriptors 24
//
// C1. A batch is decided one by one, each command on the state that the one before left (law L1).
// C2. A refusal leaves the state (law L3). Handlers fold their events at once, so where one refuses after emitting, the state is
//     folded again from what the call began with: it costs only the handler that does so.
// C3. Nothing is held between calls: `held` is answered `unknown`, states are always bytes.
//
// Leaves to others: one command (context.ts and generated code), records (lower.ts), memory (memory.ts).

import { Bytes } from './bytes'
import { bytesAt, Command, commandBytes, typedBytes } from './command'
import { Context } from './context'
import { Decision, Typed } from './decision'
import { decisionBytes, putBytes, putDecision, putPair, putService, putText, serviceBytes } from './lower'
import { allocate, setMark } from './memory'
import { Service, services } from './service'
import { version } from './version'

export { cabi_realloc, release } from './memory'

const enum Basis {
  Initial,
  State,
  Held,
}

let descriptorSet: StaticArray<u8> = []

/** The last that happens at start. */
export function ready(descriptors: StaticArray<u8>): void {
  descriptorSet = descriptors
  setMark()
}

export function describe(): usize {
  const answer = allocate(32)
  putText(answer, '@innkeeper/sdk-assemblyscript')
  putText(answer + 8, version)
  const list = allocate(<usize>services.length * serviceBytes)
  for (let i = 0; i < services.length; i++) putService(list + <usize>i * serviceBytes, services[i])
  putPair(answer + 16, list, services.length)
  putBytes(answer + 24, Bytes.of(descriptorSet))
  return answer
}

export function decide(
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
  const answer = allocate(36)
  if (basis == Basis.Held) {
    store<u8>(answer, 1)
    return answer
  }
  const service = serviceNamed(new Bytes(serviceAt, serviceLength))
  const entity = new Bytes(entityAt, entityLength)
  const before = stateOf(basis, stateAt, stateLength)
  service.__load(before)
  const accepted: Typed[] = []
  const list = allocate(<usize>commandsLength * decisionBytes)
  for (let i = 0; i < commandsLength; i++) {
    const command = new Command(commandsAt + <usize>i * commandBytes)
    const decision = decideOne(service, entity, command, before, accepted)
    putDecision(list + <usize>i * decisionBytes, decision)
  }
  store<u8>(answer, 0)
  putPair(answer + 4, list, commandsLength)
  const changed = accepted.length > 0 || wantState != 0
  store<u8>(answer, changed ? 1 : 0, 12)
  if (changed) putBytes(answer + 16, service.__save())
  return answer
}

export function evolve(
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
  const answer = allocate(24)
  if (basis == Basis.Held) {
    store<u8>(answer, 2)
    return answer
  }
  const service = serviceNamed(new Bytes(serviceAt, serviceLength))
  service.__load(stateOf(basis, stateAt, stateLength))
  for (let i = 0; i < eventsLength; i++) {
    const event = eventsAt + <usize>i * typedBytes
    service.__replay(bytesAt(event), bytesAt(event + 8))
  }
  store<u8>(answer, 0)
  putBytes(answer + 4, service.__save())
  return answer
}

function decideOne(service: Service, entity: Bytes, command: Command, before: Bytes | null, accepted: Typed[]): Decision {
  const context = new Context(service, entity, command)
  service.__decide(command.method, context)
  const decision = context.__decision
  const events = decision.events
  if (decision.refusal === null) {
    for (let i = 0; i < events.length; i++) accepted.push(unchecked(events[i]))
  } else if (events.length > 0) {
    service.__load(before)
    for (let i = 0; i < accepted.length; i++) {
      const event = unchecked(accepted[i])
      service.__replay(Bytes.fromText(event.typeName), event.data)
    }
    events.length = 0
  }
  if (decision.refusal !== null) decision.effects.length = 0
  return decision
}

function serviceNamed(name: Bytes): Service {
  for (let i = 0; i < services.length; i++) {
    const service = unchecked(services[i])
    if (name.is(service.__name())) return service
  }
  throw new Error('the host asks only for services that were described')
}

function stateOf(basis: i32, at: usize, length: i32): Bytes | null {
  return basis == Basis.State ? new Bytes(at, length) : null
}
