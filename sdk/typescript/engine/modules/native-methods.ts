// Methods of a service as the engine takes them. A handler that is no function streams.

import type { ServiceType } from '../../codec/message.ts'
import type { NativeService } from './native.ts'

export function nativeMethods(service: ServiceType, handlers: Readonly<Record<string, unknown>>): NativeService[1] {
  return Object.entries(service.methods).map(([key, { name, request, reply }]) => {
    const handler = handlers[key]
    return [name, request, reply, typeof handler === 'function' ? handler : undefined, key] as const
  })
}
