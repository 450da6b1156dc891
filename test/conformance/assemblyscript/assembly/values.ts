// Values: the model service of values.
import { Context } from '@innkeeper/sdk-assemblyscript/assembly'
import { Act, Box, Said, Script, ValuesValue } from './gen/conformance'
import { Model, perform } from './script'

export class Values extends ValuesValue<Box> implements Model {
  do(request: Script, context: Context): Said | null {
    return perform(request, context.entity, context, this)
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
}
