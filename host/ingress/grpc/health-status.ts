// Health status: what grpc.health.v1 says of the host and its services. The empty name is the host; a service is SERVING while it is deployed and can be run.
//
// H1. While the host starts, every name is NOT_SERVING: what is not known yet may be served in a moment.
//
// Owns: what a name's status is, and when it is told.   health.ts and not-yet.ts (while the host starts) own: the two methods.

import { InnkeeperError } from '../../errors.ts'
import { WireCursor } from '../../schema/wire.ts'
import type { IngressContext } from '../context.ts'

const serving = Buffer.from([8, 1])
const notServing = Buffer.from([8, 2])
const unknown = Buffer.from([8, 3])

export const healthPaths = { check: '/grpc.health.v1.Health/Check', watch: '/grpc.health.v1.Health/Watch' } as const

/** How often a watched status is looked at. In milliseconds. */
const watchEveryMs = 1_000

export type HealthContext = Pick<IngressContext, 'services' | 'unready' | 'starting'>

/** What a check is answered with. */
export type Checked = { readonly message: Buffer } | { readonly error: InnkeeperError }

export function checkHealth(context: HealthContext, request: Buffer): Checked {
  const name = serviceName(request)
  if (name === undefined) return { error: new InnkeeperError('bad_request', 'not a HealthCheckRequest') }
  const message = statusOf(context, name)
  if (message !== unknown) return { message }
  return { error: new InnkeeperError('not_found', 'no such service is deployed') }
}

/** Tells the status now and whenever it is another, until what it answers is called. `tell` resolves when it was taken: a client that does
 *  not read hears the status of when it reads on, not all those before. */
export function watchHealth(
  context: HealthContext,
  request: Buffer,
  tell: (message: Buffer) => Promise<unknown>,
): () => void {
  const name = serviceName(request)
  let last: Buffer | undefined
  let telling = false
  const look = () => {
    const now = name === undefined ? unknown : statusOf(context, name)
    if (now === last || telling) return
    last = now
    telling = true
    tell(now).finally(() => {
      telling = false
    })
  }
  const timer = setInterval(look, watchEveryMs)
  timer.unref()
  look()
  return () => clearInterval(timer)
}

function statusOf({ services, unready, starting }: HealthContext, name: string): Buffer {
  const { current } = services
  if (starting?.() === true || current.unserved.has(name)) return notServing
  if (name !== '' && !current.services.has(name)) return unknown
  return unready() === undefined ? serving : notServing
}

/** Undefined where the bytes are not the message. */
function serviceName(request: Buffer): string | undefined {
  try {
    const cursor = new WireCursor(request)
    let name = ''
    while (!cursor.done) {
      const tag = cursor.tag()
      if (tag === 10) name = cursor.string()
      else cursor.skip(tag & 7)
    }
    return name
  } catch {
    return undefined
  }
}
