// Alone: a language's model services without a host, on commands whose time and chance the test gives.

import type { Artefact } from '../../host/guest/artefact.ts'
import { EventSourced } from '../../host/guest/event-sourced.ts'
import type { GuestCommand } from '../../host/guest/guest.ts'
import { compile } from '../../host/guest/instance.ts'
import { load } from '../../host/guest/load.ts'
import { defaultLimits } from '../../host/limits.ts'
import type { GuestAnswer, LogLine, Outcome } from '../../host/outcome.ts'
import { loadSchema } from '../../host/schema/load.ts'
import type { Schema } from '../../host/schema/schema.ts'
import type { Json } from '../../host/transcode/json.ts'
import { toMessage } from '../../host/transcode/to-message.ts'
import { packageName } from './suite.ts'

export const nowMs = 1_700_000_000_123
/** 00 01 02 ... 0f */
export const seed = Uint8Array.from({ length: 16 }, (_, index) => index)

/** A state model. */
interface Asked {
  readonly name: string
  readonly service: string
  /** Do: log lines. */
  ask(script: Json): readonly LogLine[]
  /** Do. */
  outcome(script: Json): Outcome
  heard(answered: Uint8Array): Outcome
}

export class Alone {
  readonly schema: Schema
  readonly events: EventSourced
  private readonly artefact: Artefact

  constructor(artefact: Artefact) {
    this.artefact = artefact
    this.schema = loadSchema(artefact.description.descriptors)
    this.events = new EventSourced(compile(artefact), defaultLimits)
  }

  /** A command of Events/Do: a script, or bytes that should be one. */
  command(script: Json | Uint8Array): GuestCommand {
    const type = this.schema.messages.get(`${packageName}.Script`)!
    const payload = script instanceof Uint8Array ? script : toMessage(this.schema, type, script)
    return { method: 'Do', payload, metadata: [], nowMs, seed }
  }

  /** On no events yet. */
  decide(script: Json | Uint8Array): GuestAnswer {
    const commands = [this.command(script)]
    const decided = this.events.decide(`${packageName}.Events`, 'a', { kind: 'initial' }, commands, false)
    if (decided.kind !== 'decided') throw new Error('nothing was held')
    return decided.decisions[0]!.outcome.answer
  }

  /** One command of each state model, to an entity that is not there. @throws GuestFault */
  get models(): readonly Asked[] {
    const { eventSourced, value, replicated, action } = load(this.artefact, defaultLimits)
    const model = (name: string, run: (service: string, command: GuestCommand) => Outcome) => {
      const service = `${packageName}.${name}`
      return {
        name,
        service,
        ask: (script: Json) => run(service, this.command(script)).logs,
        outcome: (script: Json) => run(service, this.command(script)),
        heard: (payload: Uint8Array) => run(service, { ...this.command(payload), method: 'Heard' }),
      }
    }
    return [
      model('Events', (service, command) => {
        const decided = eventSourced!.decide(service, 'a', { kind: 'initial' }, [command], false)
        return decided.kind === 'decided' ? decided.decisions[0]!.outcome : unknown()
      }),
      model('Values', (service, command) => {
        const decided = value!.decide(service, 'a', { kind: 'absent' }, [command])
        return decided.kind === 'decided' ? decided.decisions[0]!.outcome : unknown()
      }),
      model('Members', (service, command) => {
        const { answer } = replicated!.decide(service, 'a', new Uint8Array(), command)
        if (answer.kind === 'now') return answer.outcome
        return replicated!.render(service, 'a', new Uint8Array(), command, answer.note)
      }),
      model('Actions', (service, command) => action!.call(service, [command])[0]!),
    ]
  }

  /** Replicas/Do of an entity that is not there: what its decision asks of the host. */
  replicas(script: Json): { readonly operations: Uint8Array; readonly deletes: boolean } {
    const guest = load(this.artefact, defaultLimits).replicated!
    const { operations, delete: deletes } = guest.decide(
      `${packageName}.Replicas`,
      'a',
      new Uint8Array(),
      this.command(script),
    )
    return { operations, deletes }
  }

  /** Hexadecimal replies of Actions/Table: two of one instance, and one of a fresh one. */
  tables(): readonly string[] {
    const guest = load(this.artefact, defaultLimits).action!
    const ask = (): string => {
      const [outcome] = guest.call(`${packageName}.Actions`, [{ ...this.command({}), method: 'Table' }])
      const { answer } = outcome!
      return answer.kind === 'message' ? Buffer.from(answer.payload).toString('hex') : answer.kind
    }
    const warm = [ask(), ask()]
    guest.drop()
    return [...warm, ask()]
  }

  /** Bytes of memory of an instance that has decided so many commands, 64 at a time, each time from the bytes of the last. */
  memoryAfter(count: number): number {
    const commands = Array.from({ length: 64 }, (_, i) =>
      this.command({ id: 'a', acts: [{ clear: true }, { note: `n${i}` }] }),
    )
    let state: Uint8Array | undefined
    for (let done = 0; done < count; done += commands.length) {
      const basis = state === undefined ? ({ kind: 'initial' } as const) : ({ kind: 'state', bytes: state } as const)
      const decided = this.events.decide(`${packageName}.Events`, 'a', basis, commands, true)
      if (decided.kind !== 'decided') throw new Error('nothing was held')
      state = decided.next.kind === 'unchanged' ? state : decided.next.bytes
    }
    if (this.events.generation !== 0) throw new Error('the instance was made anew')
    return this.events.memoryBytes
  }
}

function unknown(): never {
  throw new Error('nothing was held')
}
