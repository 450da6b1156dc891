// Actions: the model service of what has no state.
import {
  BidiStream,
  BidiStreamOf,
  Call,
  ClientStream,
  ClientStreamOf,
  Context,
  Hearing,
  NoState,
  ServerStream,
  ServerStreamOf,
  Ticket,
} from '@innkeeper/sdk-assemblyscript/assembly'
import { Act, ActionsAction, Everything, Log, Noted, Refusal, Said, Script } from './gen/conformance'
import { Model, perform, refuse } from './script'

const countMax: u32 = 1000

export class Actions extends ActionsAction implements Model {
  do(request: Script, context: Context): Said | null {
    return perform(request, '-', context, this)
  }

  echo(request: Everything, context: Context): Everything | null {
    return request
  }

  table(request: Script, context: Context): Everything | null {
    const table = new Everything()
    table.fDouble = NaN
    table.fFloat = <f32>NaN
    for (let i = 0; i < 20; i++) table.strings.set(`k${i.toString().padStart(2, '0')}`, i + 1)
    return table
  }

  count(): ServerStreamOf<Script, Said> {
    return new Count()
  }

  join(): ClientStreamOf<Script, Said> {
    return new Join()
  }

  chat(): BidiStreamOf<Script, Said> {
    return new Chat()
  }

  change(act: Act): void {}

  shown(): string {
    return '-'
  }

  size(): string {
    return '-'
  }

  has(): string {
    return '-'
  }

  knows(): bool {
    return false
  }

  ticket(method: string, name: string): Ticket<Said> | null {
    return null
  }

  hears(note: Noted | null): Hearing | null {
    return null
  }
}

/** Its state is the request, `count` what is left to say and `look` how much was said, so far. */
class Count extends ServerStream<Script, Said, Script> implements Model {
  start(request: Script, context: Context): void {
    perform(request, '-', context, this)
    context.__decision.refusal = null
    context.__decision.forward = null
    this.state.count = min(request.count, countMax)
    this.state.chunk = max(request.chunk, 1)
    this.state.id = '0'
  }

  next(context: Context): void {
    let said = <u32>parseInt(this.state.id)
    for (let i: u32 = 0; i < this.state.chunk && said < this.state.count; i++) this.emit(Said.of((++said).toString()))
    this.state.id = said.toString()
    if (said >= this.state.count) this.end()
  }

  change(act: Act): void {}

  shown(): string {
    return '-'
  }

  size(): string {
    return '-'
  }

  has(): string {
    return '-'
  }

  knows(): bool {
    return false
  }

  ticket(method: string, name: string): Ticket<Said> | null {
    return null
  }

  hears(note: Noted | null): Hearing | null {
    return null
  }
}

class Join extends ClientStream<Script, Said, Log> {
  item(request: Script, context: Context): void {
    if (refused(request, context)) return
    const said = sayings(request)
    for (let i = 0; i < said.length; i++) this.state.notes.push(said[i])
  }

  sent(context: Context): Said | null {
    return Said.of(this.state.notes.join(','))
  }
}

class Chat extends BidiStream<Script, Said, NoState> {
  item(request: Script, context: Context): void {
    if (refused(request, context)) return
    const said = sayings(request)
    if (said.length > 0) this.emit(Said.of(said.join(',')))
    for (let i = 0; i < request.acts.length; i++) if (request.acts[i].clear !== null) this.end()
  }

  sent(context: Context): void {
    this.emit(Said.of('bye'))
    this.end()
  }

  cancelled(context: Context): void {
    const left = new Script()
    left.id = 'left'
    const act = new Act()
    act.note = 'left'
    left.acts.push(act)
    context.effect(new Call('innkeeper.conformance.v1.Events', 'Do', left))
  }
}

function sayings(script: Script): string[] {
  const said: string[] = []
  for (let i = 0; i < script.acts.length; i++) {
    const say = script.acts[i].say
    if (say !== null) said.push(say)
  }
  return said
}

/** By its last refusal, if it has one. */
function refused(script: Script, context: Context): bool {
  let refusal: Refusal | null = null
  for (let i = 0; i < script.acts.length; i++) if (script.acts[i].refuse !== null) refusal = script.acts[i].refuse
  if (refusal === null) return false
  refuse(refusal, context)
  return true
}
