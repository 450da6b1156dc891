// Component of value services: decide (wit/value.wit).
//
//   decide-answer  20 bytes   case (u8) 0; decided: decisions 4, held (option<u32>) 12
//   decision       92         change: case (u8) 0, list 4; outcome 12
//
// C1. A batch is decided one by one, each command on the value that the one before left (law L1); a refusal leaves it (L3).
// C2. Nothing is held between calls.

import { Bytes } from '../bytes'
import { Command, commandBytes } from '../command'
import { Context } from '../context'
import { Change } from '../decision'
import { takeLogs } from '../logs'
import { putBytes, putOutcome, putPair } from '../lower'
import { allocate } from '../memory'
import { serviceNamed } from '../service'
import { ValueService } from '../value'

const decisionBytes: usize = 92

const enum Basis {
  Absent,
  Value,
  Held,
}

export function valueDecide(
  serviceAt: usize,
  serviceLength: i32,
  entityAt: usize,
  entityLength: i32,
  basis: i32,
  valueAt: usize,
  valueLength: i32,
  commandsAt: usize,
  commandsLength: i32,
): usize {
  takeLogs()
  const answer = allocate(20)
  if (basis == Basis.Held) {
    store<u8>(answer, 1)
    return answer
  }
  const service = serviceNamed(new Bytes(serviceAt, serviceLength)) as ValueService
  const entity = new Bytes(entityAt, entityLength)
  let current: Bytes | null = basis == Basis.Value ? new Bytes(valueAt, valueLength) : null
  service.__load(current)
  const list = allocate(<usize>commandsLength * decisionBytes)
  for (let i = 0; i < commandsLength; i++) {
    const at = list + <usize>i * decisionBytes
    const command = new Command(commandsAt + <usize>i * commandBytes)
    const context = new Context(entity, command.nowMs, command.seed, command.metadata)
    service.__change = Change.Unchanged
    service.__decide(command.method, command.payload, context)
    const decision = context.__decision
    if (decision.refusal !== null) {
      decision.undo()
      service.__change = Change.Unchanged
      service.__load(current)
    } else decision.checkOwn(service.__name())
    const change = service.__change
    store<u8>(at, <u8>change)
    if (change == Change.Updated) putBytes(at + 4, service.__updated)
    if (change != Change.Unchanged) current = change == Change.Updated ? service.__updated : null
    putOutcome(at + 12, decision, takeLogs())
  }
  store<u8>(answer, 0)
  putPair(answer + 4, list, commandsLength)
  store<u8>(answer, 0, 12)
  return answer
}
