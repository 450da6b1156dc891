// What the model services share: acts that mean the same in all of them.
import type { Call, CallContext } from '@innkeeper/sdk'
import { call, refuse } from '@innkeeper/sdk'
import type { Script, Target } from './gen/conformance.ts'
import { Actions, Ask, Events, Fault, Members, Noted, Replicas, Values } from './gen/conformance.ts'

type Act = NonNullable<Script['acts'][number]['act']>
type Refusal = ReturnType<typeof refuse>

/** What a script comes to, once a service knows its state after the command. */
export interface Performed<State> {
  readonly refusal: Refusal | undefined
  readonly forward: Call | undefined
  readonly effects: readonly { readonly call: Call; readonly synchronous: boolean }[]
  readonly headers: readonly { readonly name: string; readonly value: string | Uint8Array }[]
  said(after: State): { readonly text: string }
}

/** What `accept` and its like give. */
interface Answer {
  effect(call: Call, options: { readonly synchronous: boolean }): unknown
  metadata(name: string, value: string | Uint8Array): unknown
}

/** The answer with the effects and the metadata of the script. */
export function withAll<A extends Answer>(answer: A, { effects, headers }: Performed<never>): A {
  for (const { call, synchronous } of effects) answer.effect(call, { synchronous })
  for (const { name, value } of headers) answer.metadata(name, value)
  return answer
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
): Performed<State> {
  const pieces: (string | undefined)[] = []
  const effects: { call: Call; synchronous: boolean }[] = []
  const headers: { name: string; value: string | Uint8Array }[] = []
  let refusal: Refusal | undefined
  let forward: Call | undefined
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
        break
      case 'effect': {
        const target = callOf(act.value)
        if (target !== undefined) effects.push({ call: target, synchronous: act.value.synchronous })
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
  return { refusal, forward, effects, headers, said }
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
