// Members: the model service of what a method sees of a replicated value, and of its streams.
import { Bytes, Code, Context, elementOf, Hearing, ORSet, Ticket } from '@innkeeper/sdk-assemblyscript/assembly'
import { Act, Answered, MembersHears, MembersReplicated, MembersTickets, Noted, Said, Script } from './gen/conformance'
import { heardOf, Model, perform } from './script'

export class Members extends MembersReplicated<ORSet> implements Model {
  /** Of the command that is decided, before it. */
  private sizeBefore: string = ''
  private hasBefore: string = ''
  private streams: bool = false

  do(request: Script, context: Context): Said | null {
    return this.answer(request, context, true)
  }

  blind(request: Script, context: Context): Said | null {
    return this.answer(request, context, false)
  }

  one(request: Script, context: Context): Said | null {
    return this.answer(request, context, true)
  }

  some(request: Script, context: Context): Said | null {
    return this.answer(request, context, false)
  }

  someReads(request: Script): Bytes[] {
    const elements: Bytes[] = []
    for (let i = 0; i < request.look.length; i++) elements.push(elementOf(request.look[i]))
    return elements
  }

  open(request: Script, context: Context): Said | null {
    this.streams = true
    const said = this.answer(request, context, true)
    this.streams = false
    if (said === null) return null
    for (let i = 0; i < request.acts.length; i++) if (request.acts[i].delete !== null) return said
    return context.stream<Said>(said)
  }

  heard(request: Answered, context: Context): Said | null {
    const text = heardOf(request)
    this.view.add(text)
    return Said.of(text)
  }

  openChanged(request: Script, context: Context): Said | null {
    if (this.view.has('bad')) return context.refuse<Said>(Code.FailedPrecondition, 'bad')
    const said = Said.of(this.shown())
    return this.view.has('end') ? context.end<Said>(said) : said
  }

  openCancelled(request: Script, context: Context): void {
    this.view.add('left')
  }

  private answer(request: Script, context: Context, sees: bool): Said | null {
    this.sizeBefore = this.view.size.toString()
    this.hasBefore = sees ? (this.view.has(request.element) ? 'true' : 'false') : '-'
    return perform(request, context.entity, context, this)
  }

  change(act: Act): void {
    const note = act.note
    if (note !== null) this.view.add(note)
    const drop = act.drop
    if (drop !== null) this.view.remove(drop)
    if (act.clear !== null) this.view.clear()
    if (act.delete !== null) this.remove()
  }

  shown(): string {
    const text = this.view.elements().join(',')
    return text == '' ? '-' : text
  }

  size(): string {
    return this.sizeBefore
  }

  has(): string {
    return this.hasBefore
  }

  knows(): bool {
    return !this.streams
  }

  ticket(method: string, name: string): Ticket<Said> | null {
    if (method == 'Do') return MembersTickets.do(name)
    return method == 'Heard' ? MembersTickets.heard(name) : null
  }

  hears(note: Noted | null): Hearing | null {
    return MembersHears.heard(note)
  }
}
