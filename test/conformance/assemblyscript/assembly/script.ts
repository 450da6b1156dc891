// What the model services share: acts that mean the same in all of them.
import { Call, Code, codeOf, Context } from '@innkeeper/sdk-assemblyscript/assembly'
import { Act, Ask, Fault, Noted, Refusal, Said, Script, Target } from './gen/conformance'

/** What a service does besides. */
export interface Model {
  /** Does an act that changes state. */
  change(act: Act): void
  /** What `STATE` says, after the command. */
  shown(): string
  /** What `SIZE` and `HAS` say. */
  size(): string
  has(): string
}

/** Does the acts of a script, in order; null where the answer is a refusal or a forward. */
export function perform(script: Script, entity: string, context: Context, model: Model): Said | null {
  const pieces: string[] = []
  const states: i32[] = []
  let refusal: Refusal | null = null
  let forward: Call | null = null
  const acts = script.acts
  for (let i = 0; i < acts.length; i++) {
    const act = acts[i]
    const say = act.say
    if (say !== null) pieces.push(say)
    if (act.refuse !== null) refusal = act.refuse
    const target = act.forward
    if (target !== null && isKnown(target)) forward = callOf(target)
    const effect = act.effect
    if (effect !== null && isKnown(effect)) context.effect(callOf(effect), effect.synchronous)
    const header = act.header
    if (header !== null && header.name.startsWith('x-')) {
      if (header.name.endsWith('-bin')) context.headerBytes(header.name, header.data)
      else context.header(header.name, header.text)
    }
    const fault = act.fault
    if (fault !== null && script.element == 'armed') fail(fault.value)
    const line = act.log
    if (line !== null) console.log(line)
    const ask = act.ask
    if (ask !== null) {
      if (ask.value == Ask.STATE) states.push(pieces.length)
      pieces.push(asked(ask.value, entity, context, model))
    }
    model.change(act)
  }
  if (refusal !== null) return refuse(refusal, context)
  if (forward !== null) return context.forward<Said>(forward)
  for (let i = 0; i < states.length; i++) pieces[states[i]] = model.shown()
  return Said.of(pieces.join(' '))
}

export function refuse(refusal: Refusal, context: Context): Said | null {
  const known = refusal.code >= 1 && refusal.code <= 16
  const said = context.refuse<Said>(known ? codeOf(refusal.code) : Code.Unknown, refusal.message)
  if (refusal.detail != '') context.detail(Noted.of(refusal.detail))
  return said
}

function asked(ask: i32, entity: string, context: Context, model: Model): string {
  switch (ask) {
    case Ask.NOW:
      return context.now.toString()
    case Ask.RANDOM:
      return (<u64>Math.floor(context.random() * 4_294_967_296)).toString()
    case Ask.UUID:
      return context.uuid()
    case Ask.ENTITY:
      return entity
    case Ask.METADATA:
      return shownMetadata(context)
    case Ask.SIZE:
      return model.size()
    case Ask.HAS:
      return model.has()
    default:
      return '-'
  }
}

function shownMetadata(context: Context): string {
  const metadata = context.metadata
  const shown: string[] = []
  for (let i = 0; i < metadata.length; i++) {
    const value = metadata.value(i)
    let text = value.toString()
    if (metadata.isBinary(i)) {
      text = ''
      for (let at = 0; at < value.length; at++) text += value[at].toString(16).padStart(2, '0')
    }
    shown.push(`${metadata.name(i)}=${text}`)
  }
  return shown.length == 0 ? '-' : shown.join(',')
}

function fail(fault: i32): void {
  if (fault == Fault.TRAP) throw new Error('armed to fail')
  if (fault == Fault.LOOP) while (true) {}
  if (fault == Fault.GROW) {
    const kept: Uint8Array[] = []
    while (true) kept.push(new Uint8Array(1024 * 1024))
  }
}

const known: string[] = [
  'Events/Do',
  'Values/Do',
  'Replicas/Do',
  'Members/Do',
  'Members/Open',
  'Actions/Do',
  'Actions/Count',
]

function isKnown(target: Target): bool {
  return known.includes(`${target.service}/${target.method}`)
}

export function callOf(target: Target): Call {
  const script = target.script
  const request = script === null ? new Script() : script
  return new Call(`innkeeper.conformance.v1.${target.service}`, target.method, request)
}
