// Value entities in the engine, which runs them itself: there is no function for the component to call.

import type { Value } from '../../../value.ts'
import { native } from '../native.ts'
import { nativeMethods } from '../native-methods.ts'

const kind = 1

export function valueExports(definitions: readonly Value[]): object {
  const services = definitions.map(({ service, value, decide }) => {
    return [service.typeName, nativeMethods(service, decide), [], value] as const
  })
  native.services(kind, services)
  return {}
}
