// Members: the model service of what a method sees of a replicated value, and of its streams.
import { Bytes, Code, Context, elementOf, ORSet } from '@innkeeper/sdk-assemblyscript/assembly'
import { Act, MembersReplicated, Said, Script } from './gen/conformance'
import { Model, perform } from './script'

export class Members extends MembersReplicated<ORSet> implements Model {
  /** Of the command that is decided, before it. */
  private sizeBefore: string = ''
  private hasBefore: string = ''

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
    const said = this.answer(request, context, true)
    if (said === null) return null
    for (let i = 0; i < request.acts.length; i++) if (request.acts[i].delete !== null) return said
    return context.stream<Said>(said)
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
}
