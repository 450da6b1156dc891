// Client: the services of a host as objects, with a function for each method. Generated code (sdk/build/client) says which services, and of what
// kind each method is.
//
// Leaves to others: one call (core.ts), what is tried again (repeating.ts), what is followed (following.ts), React (react.ts).

import type { DescMethod, DescMethodStreaming, DescMethodUnary, DescService } from '@bufbuild/protobuf'
import type { ClientOptions } from './core.ts'
import { Core } from './core.ts'
import { following } from './following.ts'
import { ask, rows } from './repeating.ts'
import type { CallOptions, Kind } from './types.ts'

export type { ClientOptions } from './core.ts'
export type { Answer, CallOptions, Followed, FollowOptions, Kind, Messages, Request, Streamed, Unary } from './types.ts'

/** Name in the client, descriptor, and the kind of each method by its local name. */
export type Served = readonly (readonly [name: string, service: DescService, kinds: ReadonlyMap<string, Kind>])[]

export function clientOf(served: Served, options: ClientOptions): object {
  const core = new Core(options)
  return Object.fromEntries(served.map(([name, service, kinds]) => [name, serviceOf(core, service, kinds)]))
}

function serviceOf(core: Core, { methods }: DescService, kinds: ReadonlyMap<string, Kind>): object {
  return Object.fromEntries(
    methods.flatMap((method) => {
      const kind = kinds.get(method.localName)
      if (kind === undefined) return []
      return [[method.localName, Object.assign(functionOf(core, kind, method), { kind, method, core })]]
    }),
  )
}

type Init = Readonly<Record<string, unknown>>

function functionOf(core: Core, kind: Kind, method: DescMethod): (request: Init, options?: CallOptions) => unknown {
  const [one, many] = [method as DescMethodUnary, method as DescMethodStreaming]
  switch (kind) {
    case 'live':
    case 'watch':
      return (request, options = {}) => following(core, kind, many, request, options)
    case 'rows':
    case 'stream':
      return (request, options = {}) => ({
        [Symbol.asyncIterator]: () => rows(core, kind, many, request, options),
      })
    default:
      return (request, options = {}) => ask(core, kind, one, request, options)
  }
}
