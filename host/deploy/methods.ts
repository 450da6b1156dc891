// Methods: what the engine must know of one before it is called: what it sees of the value, and whether its answers stream.
//
// Owns: reading the description.   validate.ts owns: refusing what cannot be.

import type { ServiceDescription } from '../guest/about.ts'
import type { Streams } from '../guest/load.ts'
import { elementReader } from '../schema/element.ts'
import type { MethodType, Schema } from '../schema/schema.ts'
import type { MethodView } from '../services.ts'

/** What a method of a replicated service sees of the value, as its component declares it (wit/about.wit). */
export function methodView({ views }: ServiceDescription, { name, input }: MethodType): MethodView {
  const view = views.find((item) => item.method === name)?.view ?? { kind: 'all' }
  if (view.kind !== 'element') return view
  const field = input.byName.get(view.field)
  if (field === undefined) throw new Error(`${input.fullName} has no field ${view.field}`)
  return { kind: 'element', elementOf: elementReader(input, field) }
}

export function streamsOf(schema: Schema): Streams {
  return (service, method) => schema.services.get(service)?.methods.get(method)?.serverStreaming === true
}
