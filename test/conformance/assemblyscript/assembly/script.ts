// What the model services share: acts that mean the same in all of them.
import {
  Call,
  Code,
  codeOf,
  Context,
  Hearing,
  Reason,
  reasonOf,
  Ticket,
} from '@innkeeper/sdk-assemblyscript/assembly'
import {
  Act,
  Answered,
  Ask,
  Fault,
  Noted,
  Refusal,
  Resolved,
  Said,
  Script,
  Target,
  Timed,
  Waiting,
} from './gen/conformance'

/** What a service does besides. */
export interface Model {
  /** Does an act that changes state. */
  change(act: Act): void
  /** What `STATE` says, after the command. */
  shown(): string
  /** What `SIZE` and `HAS` say. */
  size(): string
  has(): string
  /** Whether the method knows all words of a later time, and not only when effects are due. */
  knows(): bool
  /** A ticket of Do or Heard; null: the service has none of this method. */
  ticket(method: string, name: string): Ticket<Said> | null
  /** Heard; null: the service asks nothing. */
  hears(note: Noted | null): Hearing | null
}

/** Does the acts of a script, in order; null where the answer is a refusal or a forward. */
export function perform(script: Script, entity: string, context: Context, model: Model): Said | null {
  const pieces: string[] = []
  const states: i32[] = []
  let refusal: Refusal | null = null
  let forward: Call | null = null
  let later: Waiting | null = null
  const names: string[] = []
  const acts = script.acts
  for (let i = 0; i < acts.length; i++) {
    const act = acts[i]
    const say = act.say
    if (say !== null) pieces.push(say)
    if (act.refuse !== null) refusal = act.refuse
    const target = act.forward
    if (target !== null && isKnown(target)) {
      forward = callOf(target)
      later = null
    }
    const waiting = act.later
    if (waiting !== null && waiting.ticket != '' && model.knows()) {
      later = waiting
      forward = null
    }
    if (act.timed !== null) effectAt(act.timed!, names, context, model)
    const cancelled = act.cancel
    if (cancelled !== null && cancelled != '' && model.knows()) context.cancel(cancelled)
    if (act.resolve !== null && model.knows()) resolve(act.resolve!, context, model)
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
  if (later !== null) return context.later<Said>(later.ticket, milliseconds(later.within))
  for (let i = 0; i < states.length; i++) pieces[states[i]] = model.shown()
  return Said.of(pieces.join(' '))
}

/** Rounded up: the SDK takes whole milliseconds. */
function milliseconds(micros: i64): i64 {
  return micros > 0 ? (micros + 999) / 1000 : micros / 1000
}

function effectAt(timed: Timed, names: string[], context: Context, model: Model): void {
  const target = timed.target
  if (target === null || !isKnown(target)) return
  const hearing =
    timed.asks && model.knows() && target.service == 'Events' && target.method == 'Do'
      ? model.hears(timed.note == '' ? null : Noted.of(timed.note))
      : null
  const after = timed.after
  const at = timed.at
  const isLater = after !== null || at !== null
  const effect = context.effect(callOf(target), target.synchronous && !isLater && hearing === null)
  if (hearing !== null) effect.heardBy(hearing)
  if (after !== null) effect.after(milliseconds(after.value))
  if (at !== null) effect.at(context.now + milliseconds(at.value))
  if (timed.within != 0) effect.within(milliseconds(timed.within))
  if (timed.name == '' || !model.knows() || names.includes(timed.name)) return
  effect.named(timed.name)
  names.push(timed.name)
}

function resolve(resolved: Resolved, context: Context, model: Model): void {
  const ticket = model.ticket(resolved.method, resolved.ticket)
  if (resolved.ticket == '' || ticket === null) return
  const refusal = resolved.refuse
  if (refusal === null) {
    context.resolve(ticket.reply(Said.of(resolved.text)))
    return
  }
  const answer = ticket.refuse(refusedBy(refusal), refusal.message)
  if (refusal.detail != '') answer.detail(Noted.of(refusal.detail))
  context.resolve(answer)
}

/** What Heard makes of an answer. */
export function heardOf(answered: Answered): string {
  const note = answered.note
  const text = note === null ? '' : note.text
  const reply = answered.reply
  if (reply !== null) return text + '=' + reply.text
  const failure = answered.failure
  const reason = failure === null ? Reason.Unknown : reasonOf(failure)
  return text + (reason == Reason.Refused ? '!REFUSED' : reason == Reason.NotSent ? '!NOT_SENT' : '!UNKNOWN')
}

function refusedBy(refusal: Refusal): Code {
  return refusal.code >= 1 && refusal.code <= 16 ? codeOf(refusal.code) : Code.Unknown
}

export function refuse(refusal: Refusal, context: Context): Said | null {
  const said = context.refuse<Said>(refusedBy(refusal), refusal.message)
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
