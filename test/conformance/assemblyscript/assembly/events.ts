// Events: the model service of event sourcing.
import { Context } from '@innkeeper/sdk-assemblyscript/assembly'
import { Act, Cleared, EventsEventSourced, Log, Noted, Said, Script } from './gen/conformance'
import { Model, perform } from './script'

export class Events extends EventsEventSourced<Log> implements Model {
  do(request: Script, context: Context): Said | null {
    return perform(request, context.entity, context, this)
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
