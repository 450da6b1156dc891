// Services: those of one kind in a component, by name.

import type { Definition } from './component.ts'

export function servicesByName<D extends Pick<Definition, 'service'>, Running>(
  definitions: readonly D[],
  run: (definition: D) => Running,
): ReadonlyMap<string, Running> {
  return new Map(definitions.map((definition) => [definition.service.typeName, run(definition)]))
}

export function serviceOf<Running>(services: ReadonlyMap<string, Running>, name: string): Running {
  const service = services.get(name)
  if (service === undefined) throw new TypeError(`this component has no such service: ${name}`)
  return service
}
