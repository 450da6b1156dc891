// Scale from inside: a host in this process, over a store that counts what is read of it: reads from RocksDB for the first command of an entity that is
// not in memory, and memory for each that is. Run with --expose-gc, the directory, how many entities are in it, and how many are to be loaded.
// Prints one JSON line.

import pino from 'pino'
import type { Answer } from '../host/command.ts'
import { loadConfig } from '../host/config.ts'
import { startHost } from '../host/main.ts'
import type { Kv } from '../host/storage/kv.ts'
import { openStore } from '../host/store/rocksdb.ts'
import { field } from './pipe.ts'

export interface ScaleInside {
  /** Calls of RocksDB, by what was done. */
  readonly reads: { readonly get: number; readonly put: number; readonly absent: number; readonly hot: number }
  /** Of JavaScript and of buffers outside of its heap. */
  readonly bytesPerEntity: number
}

const [data, entities, count] = [process.argv[2]!, Number(process.argv[3]), Number(process.argv[4])]
const log = pino({ level: 'silent' })
const { config } = loadConfig({
  flags: { data, listen: '127.0.0.1:0', admin: '127.0.0.1:0', 'stop-wait-ms': '1000' },
  env: {},
  directory: data,
})
const store = await openStore(data, { log: () => {} })
let reads = 0
counted(store.kv)
const host = await startHost(config, { log, store })
/** What is done once for a service, and what is compiled. */
for (let at = 0; at < 1_000; at++) await call(at, 'Get')
const inMemory = memory()
for (let at = 1_000; at < 1_000 + count; at++) await call(at, 'Get')
const bytesPerEntity = (memory() - inMemory) / count
const seen: ScaleInside = {
  reads: {
    get: await readsOf(2_000 + count, 'Get'),
    put: await readsOf(3_000 + count, 'Put'),
    absent: await readsOf(entities, 'Get'),
    hot: await readsOf(0, 'Put'),
  },
  bytesPerEntity,
}
await host.stop()
console.log(JSON.stringify(seen))

/** The median of a hundred entities from this one on. */
async function readsOf(first: number, method: string): Promise<number> {
  const each: number[] = []
  for (let at = first; at < first + 100; at++) {
    const before = reads
    await call(at, method)
    each.push(reads - before)
  }
  return each.sort((a, b) => a - b)[50]!
}

function counted(kv: Kv): void {
  for (const name of ['get', 'getAll', 'range'] as const) {
    const read = kv[name].bind(kv) as (...parameters: unknown[]) => unknown
    Object.assign(kv, {
      [name]: (...parameters: unknown[]) => {
        reads += 1
        return read(...parameters)
      },
    })
  }
}

async function call(key: number, method: string): Promise<void> {
  const id = field(10, Buffer.from(`k${key}`))
  const command = {
    service: 'bench.v1.Records',
    method,
    payload: method === 'Get' ? id : Buffer.concat([id, field(18, Buffer.alloc(10))]),
    metadata: [],
    idempotencyKey: undefined,
    deadlineMs: Date.now() + 60_000,
    hops: 0,
    requestId: 'scale',
    effect: undefined,
  }
  const answer = await new Promise<Answer>((resolve) => host.dispatch(command, resolve))
  if (answer.kind !== 'reply') throw new Error(`${method} of k${key}: ${JSON.stringify(answer)}`)
}

function memory(): number {
  for (let time = 0; time < 3; time++) globalThis.gc!()
  const { heapUsed, external } = process.memoryUsage()
  return heapUsed + external
}
