// The test kit of value entities: given(value).when(command).then(change, reply). A change is said as the handler says it:
// `update(value)`, `remove()`, or `accept()` for none.
//
// Each `when` checks: L1, a batch decides as its commands one by one; L4 and L6, a fresh instance, a worked one, a value from
// bytes and a held one decide the same.

import type { Code } from '../codec/codes.ts'
import type { AnyMethod, Init, Methods, ReplyOf, RequestOf } from '../codec/message.ts'
import type { WireCommand } from '../context.ts'
import type { Accepting, Call, LaterOptions, Removed, Updated } from '../decision.ts'
import { Acceptance, kept, removed } from '../decision.ts'
import type { DeepReadonly } from '../definition.ts'
import type { ValueExports } from '../guest/value.ts'
import type { WireChange, WireValueBasis, WireValueDecision } from '../guest/wire.ts'
import type { Value } from '../value.ts'
import type { Heard, HearsOf, NoteIn } from './answers.ts'
import { heardRequest } from './answers.ts'
import { heard } from './console.ts'
import { LawBroken, mustBeSame, warmDiffers } from './law.ts'
import type { Checks, WhenOptions } from './outcome.ts'
import { any, commandOf, entityOf, guardedAll, methodOf, OutcomeChecks, shownOutcome } from './outcome.ts'

export interface ValueKit<M extends Methods, V> {
  /** An entity with this value, or without one. Default of `entity`: what the first request names. */
  given(value?: V, entity?: string): GivenValue<M, V>
}

export interface GivenValue<M extends Methods, V> {
  readonly value: DeepReadonly<V> | undefined
  when<K extends keyof M & string>(
    method: K,
    request: Init<RequestOf<M[K]>>,
    options?: WhenOptions,
  ): WhenValue<M, V, ReplyOf<M[K]>>
  /** What a call was answered that the entity asked for: a command of the method that hears it. */
  answer<K extends HearsOf<M>>(
    method: K,
    answer: Heard<M[K]>,
    note?: NoteIn<M[K]>,
    options?: WhenOptions,
  ): WhenValue<M, V, ReplyOf<M[K]>>
}

/** What the value becomes. */
type ValueChange<V> = Accepting<Updated<DeepReadonly<V>>> | Accepting<Removed> | Accepting<never>

export interface WhenValue<M extends Methods, V, Reply>
  extends Checks<WhenValue<M, V, Reply>, GivenValue<M, V>, Reply> {
  /** Accepted with this change and this reply. */
  then(change: ValueChange<V>, reply: Reply): GivenValue<M, V>
  /** Accepted with this change, and forwarded. */
  forwards(change: ValueChange<V>, to: Call): GivenValue<M, V>
  /** Accepted with this change, and the reply comes later. */
  later(change: ValueChange<V>, ticket: string, options?: LaterOptions): GivenValue<M, V>
}

export function valueKit<M extends Methods, V>(definition: Value<M, V>): ValueKit<M, V> {
  const frozen = {
    ...(definition as unknown as Value),
    decide: guardedAll('decide', definition.decide, [0, 1]),
    exports: heard((definition as unknown as Value).exports),
  }
  return {
    given(value, entity) {
      const start = value === undefined ? undefined : definition.value.encode(value)
      return givenValue(frozen, entity, start, [], start) as unknown as GivenValue<M, V>
    },
  }
}

function givenValue(
  definition: Value,
  entity: string | undefined,
  start: Uint8Array | undefined,
  commands: readonly WireCommand[],
  current: Uint8Array | undefined,
): GivenValue<Methods, unknown> {
  return {
    get value() {
      return current === undefined ? undefined : (definition.value.decode(current) as DeepReadonly<unknown>)
    },
    answer(key, given, note, options) {
      const request = heardRequest(methodOf(definition.service, key), given as never, note)
      return this.when(key, request, options)
    },
    when(key, request, options = {}) {
      const method = methodOf(definition.service, key)
      const next = [...commands, commandOf(method, request, options, commands.length)]
      const named = entityOf(method, request, entity)
      const decision = decide(definition, named, start, next)
      const after = changed(current, decision.change)
      return new Result(definition, method, decision, () => givenValue(definition, named, start, next, after))
    },
  }
}

/** The decision on the last of the commands, after checking that all ways to it agree. */
function decide(
  definition: Value,
  entity: string,
  start: Uint8Array | undefined,
  commands: readonly WireCommand[],
): WireValueDecision {
  const name = definition.service.typeName
  const fresh = (): ValueExports => definition.exports([definition])
  const run = (exports: ValueExports, basis: WireValueBasis, some: readonly WireCommand[]) => {
    const answer = exports.decide(name, entity, basis, some)
    if (answer.tag === 'unknown') throw new LawBroken('L6: a value that was just held is unknown', basis, answer)
    return answer.val
  }
  const warm = fresh()
  const batch = run(warm, basisOf(start), commands).decisions
  const single: WireValueDecision[] = []
  const held: WireValueDecision[] = []
  const keeper = fresh()
  let bytes = start
  let token: WireValueBasis = basisOf(start)
  for (const command of commands) {
    const { decisions } = run(fresh(), basisOf(bytes), [command])
    single.push(...decisions)
    for (const { change } of decisions) bytes = changed(bytes, change)
    const kept = run(keeper, token, [command])
    held.push(...kept.decisions)
    token = kept.held === undefined ? basisOf(bytes) : { tag: 'held', val: kept.held }
  }
  mustBeSame(name, 'L1: a batch decides other than its commands one by one', single, batch)
  const again = run(warm, basisOf(start), commands).decisions
  mustBeSame(name, warmDiffers, batch, again)
  mustBeSame(name, 'L6: a held value decides otherwise than the same value from bytes', single, held)
  return batch.at(-1)!
}

function basisOf(value: Uint8Array | undefined): WireValueBasis {
  return value === undefined ? { tag: 'absent' } : { tag: 'value', val: value }
}

function changed(current: Uint8Array | undefined, change: WireChange): Uint8Array | undefined {
  return change.tag === 'unchanged' ? current : change.tag === 'updated' ? change.val : undefined
}

class Result extends OutcomeChecks implements WhenValue<Methods, unknown, object> {
  private readonly definition: Value
  private readonly decision: WireValueDecision
  readonly next: () => GivenValue<Methods, unknown>

  constructor(
    definition: Value,
    method: AnyMethod,
    decision: WireValueDecision,
    next: () => GivenValue<Methods, unknown>,
  ) {
    super(definition.service, method, decision.outcome)
    this.definition = definition
    this.decision = decision
    this.next = next
  }

  // biome-ignore lint/suspicious/noThenProperty: see outcome.K4
  then(change: ValueChange<unknown>, reply: object): GivenValue<Methods, unknown> {
    this.compareReply(typeof change === 'function' ? change : this.expected(change), reply)
    return this.next()
  }

  later(change: ValueChange<unknown>, ticket: string, options?: LaterOptions): GivenValue<Methods, unknown> {
    this.compareLater(this.expected(change), ticket, options)
    return this.next()
  }

  forwards(change: ValueChange<unknown>, to: Call): GivenValue<Methods, unknown> {
    this.compareForward(this.expected(change), to)
    return this.next()
  }

  refuses(code: Code, message?: string | RegExp): GivenValue<Methods, unknown> {
    this.compareRefusal(code, message)
    return this.next()
  }

  protected shown(): object {
    return shownOutcome(this.method, this.outcome, this.changed())
  }

  private changed(): object {
    const { change } = this.decision
    return { value: change.tag === 'updated' ? { updated: this.definition.value.decode(change.val) } : change.tag }
  }

  private expected(change: unknown): object {
    if (change === any) return this.changed()
    if (!(change instanceof Acceptance)) throw new TypeError('say the change as update(value), remove() or accept()')
    const codec = this.definition.value
    if (change.value === kept) return { value: 'unchanged' }
    if (change.value === removed) return { value: 'deleted' }
    return { value: { updated: codec.decode(codec.encode(change.value)) } }
  }
}
