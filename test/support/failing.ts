// Failing: the fixtures that fail and log as their request says (test/fixtures/guests/failing/proto), and what comes of it.

import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Artefact } from '../../host/guest/artefact.ts'
import type { Decision, GuestCommand, StreamStep } from '../../host/guest/guest.ts'
import { GuestFault } from '../../host/guest/guest.ts'
import type { LoadedGuest } from '../../host/guest/load.ts'
import { load } from '../../host/guest/load.ts'
import { defaultLimits } from '../../host/limits.ts'
import { link } from '../../host/link/link.ts'
import type { LogLine } from '../../host/outcome.ts'
import { loadSchema } from '../../host/schema/load.ts'
import { toMessage } from '../../host/transcode/to-message.ts'
import { fixture } from './components.ts'

export const packageName = 'test.failing.v1'
const noBytes = new Uint8Array()
const initial = { kind: 'initial' } as const

export class Failing {
  readonly folder: string
  readonly component: Uint8Array
  readonly artefact: Artefact
  readonly guest: LoadedGuest
  private readonly entry: string
  private readonly source: readonly string[]

  /** `name`: of the fixture; `entry`: the module in which it fails. */
  static async open(name: string, entry: string): Promise<Failing> {
    const folder = fileURLToPath(new URL(`../fixtures/guests/${name}/`, import.meta.url))
    const { bytes } = await fixture(name)
    const linked = await link(bytes, defaultLimits)
    if (!linked.ok) throw new Error(linked.reasons.join('\n'))
    return new Failing(folder, bytes, linked.artefact, entry, await readFile(join(folder, entry), 'utf8'))
  }

  private constructor(folder: string, component: Uint8Array, artefact: Artefact, entry: string, source: string) {
    this.folder = folder
    this.component = component
    this.artefact = artefact
    this.guest = load(artefact, defaultLimits, () => true)
    this.entry = entry
    this.source = source.split('\n')
  }

  payload(what: string): Uint8Array {
    const schema = loadSchema(this.artefact.description.descriptors)
    return toMessage(schema, schema.messages.get(`${packageName}.DoRequest`)!, { id: 'a', what })
  }

  command(what: string): GuestCommand {
    return { method: 'Do', payload: this.payload(what), metadata: [], nowMs: 1, seed: new Uint8Array(16) }
  }

  /** Events/Do, all in one batch. */
  decide(...whats: readonly string[]): readonly Decision[] {
    const commands = whats.map((what) => this.command(what))
    const decided = this.guest.eventSourced!.decide(`${packageName}.Events`, 'a', initial, commands, false)
    if (decided.kind !== 'decided') throw new Error('nothing was held')
    return decided.decisions
  }

  fault(what: string): GuestFault {
    return faultOf(() => this.decide(what))
  }

  words(what: string): string {
    return this.fault(what).words ?? ''
  }

  /** File and line of the way to fail that is named at a line's end. */
  place(what: string): string {
    return `${this.entry}:${this.source.findIndex((line) => line.endsWith(`// ${what}`)) + 1}`
  }

  /** Fold what `log` emits, as a replay does. */
  replay(): void {
    const events = this.decide('log').flatMap((decision) => decision.events)
    this.guest.eventSourced!.evolve(`${packageName}.Events`, 'a', initial, events, true)
  }

  /** Lines of `log` on a register that exists, where only the host knows which write wins. */
  rendered(): readonly LogLine[] {
    const { replicated } = this.guest
    const [members, command] = [`${packageName}.Members`, this.command('log')]
    // View.exists; View.value, with LWWRegister.value: the element of the text "log".
    const view = Uint8Array.from([8, 1, 18, 9, 42, 7, 10, 5, 10, 3, 108, 111, 103])
    const { answer } = replicated!.decide(members, 'a', view, command)
    if (answer.kind !== 'after') throw new Error(`answered ${answer.kind}`)
    return replicated!.render(members, 'a', view, command, answer.note).logs
  }

  /** What subscribers are told, each of whom has opened its stream with one of these. */
  told(...whats: readonly string[]): readonly StreamStep[] {
    const subscriptions = whats.map((what) => ({ id: `s${what}`, method: 'Watch', note: this.payload(what) }))
    return this.guest.replicated!.changed(`${packageName}.Members`, 'a', noBytes, subscriptions, 1)
  }

  /** The outputs of one step of a stream that is sent these: what each is, and its lines. */
  chat(...whats: readonly string[]): readonly (readonly string[])[] {
    const start = { kind: 'start', metadata: [] } as const
    const items = whats.map((what) => ({ kind: 'item', payload: this.payload(what) }) as const)
    const [actions, seed] = [`${packageName}.Actions`, new Uint8Array(16)]
    const { outputs } = this.guest.action!.stream(actions, 'Chat', undefined, [start, ...items], 1, seed)
    return outputs.map(({ answer, logs }) => [answer.kind, ...logs.map(({ text }) => text)])
  }

  /** Do of each state model; and as the second, evolve of an event that it does not know. */
  calls(what: string): readonly (() => unknown)[] {
    const { eventSourced, value, replicated, action } = this.guest
    const command = this.command(what)
    const forgotten = { typeName: `${packageName}.Forgotten`, data: noBytes }
    return [
      () => eventSourced!.decide(`${packageName}.Events`, 'a', initial, [command], false),
      () => eventSourced!.evolve(`${packageName}.Events`, 'a', initial, [forgotten], false),
      () => value!.decide(`${packageName}.Values`, 'a', { kind: 'absent' }, [command]),
      () => replicated!.decide(`${packageName}.Members`, 'a', noBytes, command),
      () => replicated!.render(`${packageName}.Members`, 'a', noBytes, command, noBytes),
      () => action!.call(`${packageName}.Actions`, [command]),
    ]
  }
}

export function faultOf(run: () => unknown): GuestFault {
  try {
    run()
  } catch (error) {
    if (error instanceof GuestFault) return error
    throw error
  }
  throw new Error('no fault')
}

export function line(level: LogLine['level'], text: string): LogLine {
  return { level, text }
}
