// Values: the model service of values.
import { Context, Hearing, Ticket } from '@innkeeper/sdk-assemblyscript/assembly'
import { Act, Answered, Box, Noted, Said, Script, ValuesHears, ValuesTickets, ValuesValue } from './gen/conformance'
import { heardOf, Model, perform } from './script'

export class Values extends ValuesValue<Box> implements Model {
  do(request: Script, context: Context): Said | null {
    return perform(request, context.entity, context, this)
  }

  heard(request: Answered, context: Context): Said | null {
    const text = heardOf(request)
    this.update(Box.of(text))
    return Said.of(text)
  }

  change(act: Act): void {
    const note = act.note
    if (note !== null) this.update(Box.of(note))
    if (act.clear !== null) this.remove()
  }

  shown(): string {
    const value = this.value
    return value === null ? '-' : `[${value.text}]`
  }

  size(): string {
    return '-'
  }

  has(): string {
    return '-'
  }

  knows(): bool {
    return true
  }

  ticket(method: string, name: string): Ticket<Said> | null {
    if (method == 'Do') return ValuesTickets.do(name)
    return method == 'Heard' ? ValuesTickets.heard(name) : null
  }

  hears(note: Noted | null): Hearing | null {
    return ValuesHears.heard(note)
  }
}
