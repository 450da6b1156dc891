// Serving: the thread that serves: ingress, router, entities, guests, journal. Started by supervisor.ts, and ended by it when its loop
// is stuck. It answers the supervisor's calls between turns, so while the loop is stuck, nobody does.
//
// N2. It holds nothing that is not on disk: ended at any moment, the next one goes on from there.
//
// Owns: the start.   main.ts owns: the host.   supervisor.ts owns: when.

import { once } from 'node:events'
import { parentPort, workerData } from 'node:worker_threads'
import type { AdminCall } from '../admin/call.ts'
import type { Config } from '../config.ts'
import type { DeployOptions } from '../deploy/deploy.ts'
import { type Act, InHandMemory } from '../in-hand.ts'
import type { Host } from '../main.ts'
import { startHost } from '../main.ts'
import { routesOf } from '../schema/http-rule.ts'
import { Rpc, told } from './rpc.ts'
import { threadId } from './thread-time.ts'

export interface PartitionStart {
  readonly config: Config
  readonly waits: boolean
  readonly inHand: SharedArrayBuffer
  readonly guilty: Act | undefined
  /** How often one was ended before. */
  readonly endings: number
}

/** What a partition says before it answers calls. */
export type Beginning =
  | { readonly kind: 'begun'; readonly thread: number | undefined }
  | { readonly kind: 'started'; readonly listen: string }
  | { readonly kind: 'not started'; readonly error: ReturnType<typeof told> }

/** What is served, for the words of `inn up`. */
export interface Served {
  readonly services: readonly string[]
  readonly routes: readonly { readonly method: string; readonly httpMethod: string; readonly path: string }[]
  readonly unrestored: Host['deployer']['unrestored']
}

/** A deployment that is asked of the partition. */
export interface DeployCall {
  readonly component: Uint8Array
  readonly options: Pick<DeployOptions, 'force' | 'dryRun'>
}

const beatEveryMs = 100

/** One that was begun early (early.ts) is told later. */
const given = (workerData as PartitionStart | undefined) ?? (await once(parentPort!, 'message'))[0]
const { config, waits, inHand, guilty, endings } = given as PartitionStart
const memory = new InHandMemory(inHand)
setInterval(() => memory.beat(), beatEveryMs).unref()
const say = (word: Beginning) => parentPort!.postMessage(word)
say({ kind: 'begun', thread: threadId() })

try {
  const host = await startHost(config, {
    waits,
    inHand: memory,
    withoutAdmin: true,
    endings,
    ...(guilty && { guilty }),
  })
  new Rpc(parentPort!, {
    admin: (call, ends) => host.handleAdmin(call as AdminCall, ends),
    deploy: (call, { line }) => {
      const { component, options } = call as DeployCall
      return host.deployer.deploy(component, { ...options, onProgress: line })
    },
    ready: () => host.ready(),
    reread: () => host.reread(),
    served: () => servedBy(host),
    stop: () => host.stop(),
  })
  say({ kind: 'started', listen: host.listen })
} catch (error) {
  say({ kind: 'not started', error: told(error) })
}

function servedBy({ services, deployer }: Host): Served {
  const all = [...services.current.services.values()]
  const routes = all.flatMap((service) =>
    [...service.type.methods.values()].flatMap((method) => {
      if (method.internal) return []
      return routesOf(service.name, method).routes.map(({ httpMethod, path }) => ({
        method: `${service.name}/${method.name}`,
        httpMethod,
        path,
      }))
    }),
  )
  return { services: all.map(({ name }) => name), routes, unrestored: deployer.unrestored }
}
