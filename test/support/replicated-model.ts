// A replicated entity without a host: its model, a function that does what a test says, and plans in words.

import type { Receiver } from '../../host/command.ts'
import { Replica } from '../../host/crdt/replica.ts'
import { Chains } from '../../host/delivery/chains.ts'
import { nothingStanding } from '../../host/delivery/standing.ts'
import type { EffectEntry } from '../../host/effect.ts'
import type { News, Waiting, Work } from '../../host/entity/mailbox.ts'
import type { Turn } from '../../host/entity/model.ts'
import { OpenStream } from '../../host/entity/open-stream.ts'
import { ReplicatedModel } from '../../host/entity/replicated/replicated.ts'
import type { Step } from '../../host/entity/step.ts'
import type { TurnPlan } from '../../host/entity/turn.ts'
import type { InnkeeperError } from '../../host/errors.ts'
import type { GuestCommand, GuestSubscription, ReplicatedDecision, StreamStep } from '../../host/guest/guest.ts'
import type { Batch, Journal, StoredSubscription } from '../../host/journal/journal.ts'
import { defaultLimits, type Limits } from '../../host/limits.ts'
import { noMetadata } from '../../host/metadata.ts'
import type { Effect, GuestAnswer, Outcome } from '../../host/outcome.ts'
import type { Method, MethodView } from '../../host/services.ts'
import { bytes, encodeOperations, op, plain, proto } from '../crdt/support.ts'

const View = proto.lookupType('innkeeper.crdt.v1.View')

/** The sum of a counter, as a view shows it. */
function sumIn(view: Uint8Array): string {
  const read = plain(View.toObject(View.decode(view), { longs: String })) as Seen
  return read.value?.gCounter.value ?? (read.exists ? 'hidden' : 'none')
}

interface Seen {
  readonly exists?: boolean
  readonly value?: { readonly gCounter: { readonly value: string } }
}

export const text = (data: Uint8Array): string => Buffer.from(data).toString()

export function says(answer: string | GuestAnswer, effects: readonly Effect[] = []): Outcome {
  const message = typeof answer === 'string' ? ({ kind: 'message', payload: bytes(answer) } as const) : answer
  return { answer: message, effects, metadata: noMetadata, logs: [] }
}

export const refusal: GuestAnswer = { kind: 'failure', failure: { code: 9, message: 'no', details: [] } }
export const effect = (method: string): Effect => ({
  call: { service: 't', method, payload: bytes(''), metadata: noMetadata },
  synchronous: false,
})
export const add = (by: number): Uint8Array => encodeOperations([op.increment([], BigInt(by))])

/** A decision that does nothing, but for what is named. */
export function decides(more: Partial<ReplicatedDecision> & { readonly says?: Outcome } = {}): ReplicatedDecision {
  const { says: outcome = says('ok'), ...rest } = more
  return { answer: { kind: 'now', outcome }, operations: bytes(''), delete: false, subscribe: undefined, ...rest }
}

type Told = (view: string, subscription: GuestSubscription) => Partial<StreamStep>

/** What the function does is set by the test; what it was asked is noted. */
class Puppet {
  lastCall = { used: 0, given: 1 }
  readonly asked: string[] = []
  /** By the payload of the command. */
  readonly decisions: Record<string, (view: string) => ReplicatedDecision> = {}
  tells: Told = (view) => ({ outcome: says(view) })
  cancels: (subscription: GuestSubscription) => ReplicatedDecision = () => decides({ says: says({ kind: 'none' }) })

  drop(): void {}

  reads(): readonly Uint8Array[] {
    return []
  }

  decide(_service: string, _entity: string, view: Uint8Array, { payload }: GuestCommand): ReplicatedDecision {
    this.asked.push(`decide ${text(payload)}`)
    return this.decisions[text(payload)]!(sumIn(view))
  }

  render(_service: string, _entity: string, view: Uint8Array, _command: GuestCommand, note: Uint8Array): Outcome {
    this.asked.push(`render ${text(note)}`)
    return text(note) === 'refuse' ? says(refusal) : says(sumIn(view))
  }

  changed(
    _service: string,
    _entity: string,
    view: Uint8Array,
    subscriptions: readonly GuestSubscription[],
  ): readonly StreamStep[] {
    this.asked.push(`changed ${subscriptions.map(({ id }) => id).join()}`)
    return subscriptions.map((subscription) => ({
      subscription: subscription.id,
      outcome: undefined,
      end: false,
      ...this.tells(sumIn(view), subscription),
    }))
  }

  cancelled(_service: string, _entity: string, _view: Uint8Array, subscription: GuestSubscription): ReplicatedDecision {
    this.asked.push(`cancelled ${subscription.id}`)
    return this.cancels(subscription)
  }
}

export class Scene {
  readonly guest = new Puppet()
  readonly model: ReplicatedModel
  /** What `apply` gave to peers, and what `write` did. */
  readonly published: Uint8Array[] = []
  readonly written: string[] = []
  /** What any client heard: nothing, as long as nothing is performed. */
  readonly heard: string[] = []
  /** Of the steady clock. */
  steadyMs = 0
  full: InnkeeperError | undefined
  private streams = 0
  private requests = 0
  private id = 100
  private readonly limits: Limits
  private readonly names = new Map<OpenStream, string>()

  /** `left`: subscriptions that are found on disk. */
  constructor(
    more: { readonly limits?: Partial<Limits>; readonly left?: readonly string[]; readonly view?: MethodView } = {},
  ) {
    const { left = [], view = { kind: 'all' } } = more
    this.limits = { ...defaultLimits, ...more.limits }
    const method = (name: string, serverStreaming: boolean) =>
      ({ type: { name, serverStreaming }, keyOf: () => 'k', view }) as unknown as Method
    const stored = left.map((id): StoredSubscription => ({ id, method: 'Open', payload: bytes(''), note: bytes('') }))
    const journal: Pick<Journal, 'base' | 'head' | 'records' | 'subscriptions'> = {
      base: () => undefined,
      head: () => undefined,
      records: () => ({ records: [], more: false }),
      subscriptions: () => stored,
    }
    const methods = new Map([
      ['Do', method('Do', false)],
      ['Open', method('Open', true)],
    ])
    this.model = new ReplicatedModel({
      journal,
      entity: { storage: 1, key: 'k' },
      id: 'e',
      service: { name: 's', guest: this.guest, methods, deployment: 3 },
      limits: this.limits,
      clock: {
        now: () => 0,
        steady: () => this.steadyMs,
        worked: () => 0,
        idle: () => 0,
        soon: () => {},
        after: () => assertUnused(),
        every: () => assertUnused(),
        outside: (work) => work,
      },
      cost: { viewed() {}, viewTooDear: () => undefined },
      replicas: {
        self: 'a',
        members: ['a'],
        publish: (_service, _key, delta) => void this.published.push(delta),
      },
      subscriptionId: () => `s${++this.streams}`,
    })
  }

  /** A command that is answered once, and decided as `what` says. */
  command(
    what: string,
    decision: (view: string) => ReplicatedDecision,
    more: Partial<Waiting['command']> = {},
  ): Waiting {
    this.guest.decisions[what] = decision
    return this.waiting('Do', what, undefined, more)
  }

  /** A command whose answer is a stream. */
  open(what: string, decision: () => ReplicatedDecision): Waiting {
    this.guest.decisions[what] = decision
    const receiver: Receiver = {
      ready: true,
      next: (payload) => void this.heard.push(text(payload)),
      end: () => void this.heard.push('end'),
      inputTaken() {},
      owes() {},
    }
    const context = { outbox: { run() {} }, open: () => assertUnused(), limits: this.limits }
    const { command } = this.waiting('Open', what, undefined, {})
    const stream = new OpenStream(context, command, receiver)
    this.names.set(stream, what)
    return { ...this.waiting('Open', what, stream, {}), command }
  }

  /** Streams are opened, and their turn carried out: all of them are open before the next one. */
  opened(...names: readonly string[]): void {
    this.commit(
      ...names.map((name) => this.open(name, () => decides({ says: says('opened'), subscribe: bytes(name) }))),
    )
  }

  plan(...works: readonly Work[]): TurnPlan {
    const left = [...works]
    const chains = new Chains()
    const next = (chain: number | undefined) => chains.next(++this.id, chain)
    const turn: Turn = {
      nowMs: 5,
      ageMs: 77,
      places: { next, outward: () => undefined, owns: () => true, moved: ({ chain }: EffectEntry) => next(chain) },
      standing: nothingStanding,
      next: () => left.shift(),
      seed: () => new Uint8Array(16),
      refusal: () => this.full,
    }
    const plan = this.model.plan(turn)
    this.untaken = left.length
    return plan
  }

  /** Works that the last plan left for another turn. */
  untaken = 0

  /** Plan, write and apply, as an activation does it; the steps are left to the test. */
  commit(...works: readonly Work[]): TurnPlan {
    const plan = this.plan(...works)
    const write = (what: string) => void this.written.push(what)
    this.model.write(
      {
        append: (_entity: unknown, { origin, revision }: { origin: string; revision: number }) =>
          write(`record ${revision} ${origin}`),
        subscribe: (_entity: unknown, { id }: StoredSubscription) => write(`subscribe ${id}`),
        unsubscribe: (_entity: unknown, id: string) => write(`unsubscribe ${id}`),
      } as unknown as Batch,
      plan,
    )
    this.model.apply(plan)
    return plan
  }

  /** A client of an open stream is gone. */
  left(id: string): Work {
    return { kind: 'left', subscription: id }
  }

  news(delta: Uint8Array): News {
    return { kind: 'news', delta, done: () => void this.heard.push('done') }
  }

  /** The value by now. */
  get sum(): string {
    return this.shown(this.command('look', (view) => decides({ says: says(view) })))
  }

  private shown(waiting: Waiting): string {
    const [step] = this.plan(waiting).steps
    return step?.kind === 'reply' ? text(step.payload) : (step?.kind ?? 'nothing')
  }

  private waiting(
    method: string,
    what: string,
    stream: OpenStream | undefined,
    more: Partial<Waiting['command']>,
  ): Waiting {
    const command = {
      service: 's',
      method,
      payload: bytes(what),
      metadata: noMetadata,
      idempotencyKey: undefined,
      deadlineMs: 0,
      hops: 0,
      requestId: `r${++this.requests}`,
      effect: undefined,
      ...more,
    }
    const reply = () => void this.heard.push(`reply to ${what}`)
    return { kind: 'command', command, reply, stream, client: undefined, arrivedMs: 0, abandoned: false }
  }

  /** The steps of a plan, in words. */
  steps({ steps }: TurnPlan): readonly string[] {
    return steps.map((step) => this.inWords(step))
  }

  private inWords(step: Step): string {
    const name = (stream: OpenStream) => this.names.get(stream)!
    switch (step.kind) {
      case 'refuse':
        return `refuse ${text(step.waiting.command.payload)}: ${step.failure.message}`
      case 'reply':
        return `reply to ${text(step.waiting.command.payload)}: ${text(step.payload)}`
      case 'show':
        return `show ${text(step.waiting.command.payload)}: ${text(step.payload)} of ${step.revision}`
      case 'forward':
        return `forward to ${step.call.method}`
      case 'defer':
        return `defer ${text(step.waiting.command.payload)} until ${step.ticket}`
      case 'resolve':
      case 'unresolved':
        return `${step.kind} ${step.ticket}`
      case 'fail':
        return `fail ${text(step.waiting.command.payload)}: ${step.error.code}`
      case 'tell': {
        const { answer, effects } = step.output
        const what = answer.kind === 'message' ? text(answer.payload) : answer.kind
        return `tell ${name(step.stream)}: ${what}${effects.map(({ call }) => ` and ${call.method}`).join('')}`
      }
      case 'open':
        return `open ${name(step.stream)} as ${step.subscription.id}`
      case 'finish':
        return `finish ${step.streams.map(name).join()}`
      case 'cut':
        return `cut ${name(step.stream)}: ${step.error.code}`
      case 'start':
        return `start ${step.effects.map(({ call }) => call.method).join()}`
      case 'learned':
        return step.error === undefined ? 'learned' : `learned nothing: ${step.error.code}`
    }
  }
}

/** The notes of a plan, in words. */
export function notes(plan: TurnPlan): readonly string[] {
  return plan.notes.map((note) => (note.kind === 'fault' ? `${note.what}: ${note.fault.reason}` : note.kind))
}

/** What another replica did, as a delta. */
export function deltaOf(self: string, by: number): Uint8Array {
  return new Replica().apply(self, [op.increment([], BigInt(by))], 1).delta!
}

function assertUnused(): never {
  throw new Error('not used by these tests')
}
