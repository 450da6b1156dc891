// The counter and the notes as virtual objects of Restate: a process of its own, as its SDK wants it. Arguments: the folder with the SDK, the port.

import http2 from 'node:http2'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'

interface Context {
  get<T>(name: string): Promise<T | null>
  set(name: string, value: unknown): void
}

/** As much of the SDK as is used here, which is no dependency of this repository. */
interface Sdk {
  object(definition: {
    name: string
    handlers: Readonly<Record<string, (context: Context, request: never) => Promise<unknown>>>
  }): unknown
  createEndpointHandler(options: { services: readonly unknown[] }): Parameters<typeof http2.createServer>[1]
}

interface Note {
  readonly value: number
  readonly text: string
}

const [folder, port] = process.argv.slice(2) as [string, string]
const path = createRequire(join(folder, 'package.json')).resolve('@restatedev/restate-sdk')
const sdk = (await import(pathToFileURL(path).href)) as Sdk

const counter = sdk.object({
  name: 'counter',
  handlers: {
    add: async (context, { amount }: { amount: number }) => {
      const value = ((await context.get<number>('value')) ?? 0) + amount
      context.set('value', value)
      return { value }
    },
    get: async (context) => ({ value: (await context.get<number>('value')) ?? 0 }),
  },
})

const notes = sdk.object({
  name: 'notes',
  handlers: {
    put: async (context, { text }: { text: string }) => {
      const value = ((await context.get<Note>('note'))?.value ?? 0) + 1
      context.set('note', { value, text })
      return { value }
    },
    get: async (context) => (await context.get<Note>('note')) ?? { value: 0, text: '' },
  },
})

http2
  .createServer({}, sdk.createEndpointHandler({ services: [counter, notes] }))
  .listen(Number(port), '127.0.0.1', () => console.log(JSON.stringify({ port })))
