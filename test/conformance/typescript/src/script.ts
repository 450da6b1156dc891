// What the model services share: acts that mean the same in all of them.
import type { Call, CallContext } from '@innkeeper/sdk'
import { call, reasonOf, refuse } from '@innkeeper/sdk'
import type { Answered, Script, Target, Timed } from './gen/conformance.ts'
import { Actions, Ask, Events, Fault, Members, Noted, Replicas, Values } from './gen/conformance.ts'

type Act = NonNullable<Script['acts'][number]['act']>
type Refusal = ReturnType<typeof refuse>

/** What a script comes to, once a service knows its state after the command. */
export interface Performed<State> {
  readonly refusal: Refusal | undefined
  readonly forward: Call | undefined
  /** Instead of the reply. */
  readonly later: { readonly ticket: string; readonly options: { readonly within?: number } } | undefined
  /** Effects, cancels and resolutions, in order. */
  readonly words: readonly ((answer: Answer) => unknown)[]
  readonly headers: readonly { readonly name: string; readonly value: string | Uint8Array }[]
  said(after: State): { readonly text: string }
}

interface Options {
  readonly synchronous?: boolean
  readonly within?: number
  readonly name?: string
  readonly after?: number
  readonly at?: number
}

/** What `accept` and its like give: past the types, since which words a service has, the script is asked. */
interface Answer {
  effect(call: Call, options: Options): unknown
  after(ms: number, call: Call, options: Options): unknown
  at(timeMs: number, call: Call, options: Options): unknown
  ask(call: Call, method: 'heard', note: object | undefined, options: Options): unknown
  cancel(name: string): unknown
  resolve(ticket: string, method: string, answer: object): unknown
  metadata(name: string, value: string | Uint8Array): unknown
}

/** Which words of a later time a method has: those of an entity, without asks in Replicas, and without names and tickets where it streams. */
export type Knows = 'all' | 'no asks' | 'when'

/** The answer with the effects and the metadata of the script. */
export function withAll<A extends object>(given: A, { words, headers }: Performed<never>): A {
  const answer = given as unknown as Answer
  for (const say of words) say(answer)
  for (const { name, value } of headers) answer.metadata(name, value)
  return given
}

export interface Showing<State> {
  /** What `STATE` says. */
  readonly state: (after: State) => string
  /** What `SIZE` and `HAS` say. */
  readonly size?: () => string
  readonly has?: () => string
}

/** Does the acts of a script, in order. `change` does those that change state. */
export function perform<State>(
  script: Script,
  entity: string,
  context: CallContext,
  showing: Showing<State>,
  change: (act: Act) => void,
  knows: Knows = 'all',
): Performed<State> {
  const pieces: (string | undefined)[] = []
  const words: ((answer: Answer) => unknown)[] = []
  const names = new Set<string>()
  const headers: { name: string; value: string | Uint8Array }[] = []
  let refusal: Refusal | undefined
  let forward: Call | undefined
  let later: Performed<State>['later']
  for (const { act } of script.acts) {
    if (act === undefined) continue
    switch (act.case) {
      case 'say':
        pieces.push(act.value)
        break
      case 'refuse': {
        refusal = refusalOf(act.value)
        break
      }
      case 'forward':
        forward = callOf(act.value) ?? forward
        if (callOf(act.value) !== undefined) later = undefined
        break
      case 'later': {
        const { ticket, within } = act.value
        if (ticket === '' || knows === 'when') break
        later = { ticket, options: withinOf(within) }
        forward = undefined
        break
      }
      case 'timed':
        words.push(...timed(act.value, context.now, names, knows))
        break
      case 'cancel': {
        const name = act.value
        if (name !== '' && knows !== 'when') words.push((answer) => answer.cancel(name))
        break
      }
      case 'resolve': {
        const { ticket, method, text, refuse } = act.value
        const key = method === 'Do' ? 'do' : method === 'Heard' && knows === 'all' ? 'heard' : undefined
        if (ticket === '' || key === undefined || knows === 'when') break
        words.push((answer) => answer.resolve(ticket, key, refuse === undefined ? { text } : refusalOf(refuse)))
        break
      }
      case 'effect': {
        const target = callOf(act.value)
        const { synchronous } = act.value
        if (target !== undefined) words.push((answer) => answer.effect(target, { synchronous }))
        break
      }
      case 'header': {
        const { name, text, data } = act.value
        if (name.startsWith('x-')) headers.push({ name, value: name.endsWith('-bin') ? data : text })
        break
      }
      case 'fault':
        if (script.element === 'armed') fail(act.value)
        break
      case 'log':
        console.log(act.value)
        break
      case 'ask':
        // Undefined: the state, which is not known yet.
        pieces.push(act.value === Ask.STATE ? undefined : asked(act.value, entity, context, showing))
        break
      default:
        change(act)
    }
  }
  const said = (after: State) => ({ text: pieces.map((piece) => piece ?? showing.state(after)).join(' ') })
  return { refusal, forward, later, words, headers, said }
}

function timed(
  { target, due, name, within, asks, note }: Timed,
  now: number,
  names: Set<string>,
  knows: Knows,
): readonly ((answer: Answer) => unknown)[] {
  const to = target && callOf(target)
  if (target === undefined || to === undefined) return []
  const asking = asks && knows === 'all' && target.service === 'Events' && target.method === 'Do'
  const named = name !== '' && knows !== 'when' && !names.has(name)
  if (named) names.add(name)
  const options: Options = { ...withinOf(within), ...(named ? { name } : {}) }
  const after = due?.case === 'after' ? due.value / 1000 : undefined
  const at = due?.case === 'at' ? now + due.value / 1000 : undefined
  if (asking) {
    const when = after !== undefined ? { after } : at !== undefined ? { at } : {}
    const noted = note === '' ? undefined : Noted({ text: note })
    return [(answer) => answer.ask(to, 'heard', noted, { ...options, ...when })]
  }
  if (after !== undefined) return [(answer) => answer.after(after, to, options)]
  if (at !== undefined) return [(answer) => answer.at(at, to, options)]
  return [(answer) => answer.effect(to, { ...options, synchronous: target.synchronous })]
}

/** Of microseconds. */
function withinOf(within: number): { readonly within?: number } {
  return within === 0 ? {} : { within: within / 1000 }
}

/** What Heard makes of an answer. */
export function heard({ outcome, note }: Answered): string {
  const text = note?.text ?? ''
  if (outcome?.case === 'reply') return `${text}=${outcome.value.text}`
  return `${text}!${outcome === undefined ? 'UNKNOWN' : reasonOf(outcome.value)}`
}

export function refusalOf({ code, message, detail }: { code: number; message: string; detail: string }): Refusal {
  const details = detail === '' ? [] : [Noted({ text: detail })]
  return refuse(code >= 1 && code <= 16 ? code : 2, message, { details })
}

function asked(ask: number, entity: string, context: CallContext, { size, has }: Showing<never>): string {
  switch (ask) {
    case Ask.NOW:
      return String(context.now)
    case Ask.RANDOM:
      return String(Math.floor(context.random() * 2 ** 32))
    case Ask.UUID:
      return context.uuid()
    case Ask.ENTITY:
      return entity
    case Ask.METADATA:
      return context.metadata.entries.map(([name, value]) => `${name}=${shown(value)}`).join(',') || '-'
    case Ask.SIZE:
      return size?.() ?? '-'
    case Ask.HAS:
      return has?.() ?? '-'
    default:
      return '-'
  }
}

function shown(value: string | Uint8Array): string {
  if (typeof value === 'string') return value
  return Array.from(value, (byte) => byte.toString(16).padStart(2, '0')).join('')
}

function fail(fault: number): void {
  switch (fault) {
    case Fault.TRAP:
      throw new Error('armed to fail')
    case Fault.LOOP:
      for (;;);
    case Fault.GROW: {
      const kept: Uint8Array[] = []
      for (;;) kept.push(new Uint8Array(1024 * 1024).fill(kept.length))
    }
  }
}

/** A method of the model services, by the names that a script uses. */
export function callOf({ service, method, script = noScript }: Target): Call | undefined {
  switch (`${service}/${method}`) {
    case 'Events/Do':
      return call(Events, 'do', script)
    case 'Values/Do':
      return call(Values, 'do', script)
    case 'Replicas/Do':
      return call(Replicas, 'do', script)
    case 'Members/Do':
      return call(Members, 'do', script)
    case 'Members/Open':
      return call(Members, 'open', script)
    case 'Actions/Do':
      return call(Actions, 'do', script)
    case 'Actions/Count':
      return call(Actions, 'count', script)
    default:
      return undefined
  }
}

const noScript: Script = { id: '', acts: [], element: '', look: [], count: 0, chunk: 0 }
