// Events: the model service of event sourcing.
import { Context, Hearing, Ticket } from '@innkeeper/sdk-assemblyscript/assembly'
import {
  Act,
  Answered,
  Cleared,
  EventsEventSourced,
  EventsHears,
  EventsTickets,
  Log,
  Noted,
  Said,
  Script,
} from './gen/conformance'
import { heardOf, Model, perform } from './script'

export class Events extends EventsEventSourced<Log> implements Model {
  do(request: Script, context: Context): Said | null {
    return perform(request, context.entity, context, this)
  }

  heard(request: Answered, context: Context): Said | null {
    const text = heardOf(request)
    this.emit(Noted.of(text))
    return Said.of(text)
  }

  change(act: Act): void {
    const note = act.note
    if (note !== null) this.emit(Noted.of(note))
    if (act.clear !== null) this.emit(new Cleared())
  }

  shown(): string {
    return this.state.notes.length == 0 ? '-' : dashed(this.state.notes.join(','))
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
    if (method == 'Do') return EventsTickets.do(name)
    return method == 'Heard' ? EventsTickets.heard(name) : null
  }

  hears(note: Noted | null): Hearing | null {
    return EventsHears.heard(note)
  }

  onNoted(event: Noted): void {
    this.state.notes.push(event.text)
  }

  onCleared(event: Cleared): void {
    this.state.notes = []
  }
}

/** TypeScript's `join(',') || '-'`: one empty note shows as none. */
function dashed(text: string): string {
  return text == '' ? '-' : text
}
