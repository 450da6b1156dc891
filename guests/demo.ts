// The demo: what Innkeeper does, once through, as a story of at most 40 lines. `npm run demo`.
//
// Builds the TypeScript cart, counter and presence from source, starts a host on an empty directory and free ports, deploys through the
// admin port, calls over HTTP/JSON and gRPC, opens streams, kills the host with SIGKILL, and reads the same cart back from the journal.

import type { ChildProcess } from 'node:child_process'
import { spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Client, credentials } from '@grpc/grpc-js'
import { loadSchema } from '../host/schema/load.ts'
import type { Json } from '../host/transcode/json.ts'
import { toJson } from '../host/transcode/to-json.ts'
import { toMessage } from '../host/transcode/to-message.ts'
import { buildProject } from '../sdk/build/build.ts'

const root = fileURLToPath(new URL('..', import.meta.url))
const data = mkdtempSync(join(tmpdir(), 'innkeeper-demo-'))
let host: ChildProcess | undefined

try {
  await story()
} catch (error) {
  console.error(`\nThe demo failed: ${(error as Error).message}`)
  process.exitCode = 1
} finally {
  host?.kill('SIGKILL')
  rmSync(data, { recursive: true, force: true })
}

async function story(): Promise<void> {
  say('1. Three services, each a few pure functions and a .proto, become WebAssembly components:')
  const components: string[] = []
  for (const guest of ['cart/typescript', 'counter/typescript', 'presence/typescript']) {
    const out = join(root, 'guests/build', `${guest.replace('/', '-')}.wasm`)
    const { file, bytes, steps } = await buildProject(join(root, 'guests', guest), { out })
    const ms = steps.reduce((sum, step) => sum + step.ms, 0)
    tell(`inn build guests/${guest}`, `${(bytes / 1e6).toFixed(1)} MB in ${(ms / 1000).toFixed(1)} s`)
    components.push(file)
  }

  say('2. A host: one process, one data directory, free ports. The components go in through its admin port:')
  let { listen, admin } = await start()
  tell(`inn up --data ${data}`, `serving on ${listen}`)
  for (const component of components) {
    const response = await fetch(`http://${admin}/v1/components`, {
      method: 'POST',
      headers: { 'content-type': 'application/wasm' },
      body: new Uint8Array(readFileSync(component)),
    })
    const { deployment, services } = (await response.json()) as { deployment: number; services: { name: string }[] }
    tell(
      `inn deploy ${component.replace(root, '')}`,
      `deployment ${deployment}, ${services.map(({ name }) => name).join(', ')}`,
    )
  }

  say('3. Each cart is an entity. Commands over HTTP/JSON, by the routes in the .proto; every reply is durable:')
  await http(listen, 'POST', '/cart/ada/items/add', { productId: 'tea', name: 'Green tea', quantity: 2 })
  await http(listen, 'POST', '/cart/ada/items/add', { productId: 'cup', name: 'Cup', quantity: 1 })
  await http(listen, 'POST', '/cart/ada/items/tea/remove')
  await http(listen, 'POST', '/cart/ada/items/add', { productId: 'pot', name: 'Teapot', quantity: 0 })
  const before = await http(listen, 'GET', '/carts/ada')

  say('4. The same port speaks gRPC, without any more code:')
  await grpc(listen, admin, 'examples.cart.v1.ShoppingCart/AddItem', {
    userId: 'ada',
    productId: 'cup',
    name: 'Cup',
    quantity: 3,
  })
  await grpc(listen, admin, 'examples.counter.v1.Counter/Add', { id: 'visits', amount: 42 })
  const after = await http(listen, 'GET', '/carts/ada')

  say(
    '5. A room is a CRDT. Who joins gets a stream (gRPC, JSON lines or server-sent events) and hears of every change:',
  )
  const ada = await enter(listen, 'ada')
  const bob = await enter(listen, 'bob')
  tell('GET /rooms/lobby/join/ada', `${ada.shift()} ... ${await until(ada)}`)
  await http(listen, 'GET', '/rooms/lobby')

  say('6. The host is killed, hard, and started again on the same directory:')
  host?.kill('SIGKILL')
  await new Promise((resolve) => host?.once('exit', resolve))
  const began = performance.now()
  ;({ listen, admin } = await start())
  tell('kill -9; inn up', `ready after ${Math.round(performance.now() - began)} ms, no component is linked again`)
  const again = await http(listen, 'GET', '/carts/ada')
  await http(listen, 'GET', '/counter/visits')
  const room = await http(listen, 'GET', '/rooms/lobby')
  if (again !== after || again === before) throw new Error(`the cart is ${again}, it was ${after}`)
  if (room !== '{"users":[],"connections":0}') throw new Error(`ghosts in the room: ${room}, after ${bob}`)
  say(
    'The same cart, folded from its journal: nothing was answered before it was on disk. And nobody is left in the room.',
  )

  say('Try it yourself:')
  console.log('   npx inn up guests/build/*-typescript.wasm')
  console.log('   curl localhost:8080/counter/me/add -H "content-type: application/json" -d \'{"amount": 5}\'')
  console.log('   npx inn journal examples.counter.v1.Counter me      npx inn new ../my-service')
}

function say(line: string): void {
  console.log(line)
}

function tell(what: string, result: string): void {
  console.log(`   ${what}  ->  ${result}`)
}

/** Resolves when it is ready, with the addresses that it bound. */
function start(): Promise<{ listen: string; admin: string }> {
  return new Promise((resolve, reject) => {
    const args = [
      'up',
      '--data',
      data,
      '--listen',
      '127.0.0.1:0',
      '--admin',
      '127.0.0.1:0',
      '--log-level',
      'error',
      '--json',
    ]
    host = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', join(root, 'host/bin/inn.mjs'), ...args], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    let output = ''
    host.stdout!.on('data', (chunk: Buffer) => {
      output += chunk
      if (output.trimEnd().endsWith('}')) resolve(JSON.parse(output) as { listen: string; admin: string })
    })
    host.once('exit', (code) => reject(new Error(`the host ended with ${code}`)))
  })
}

async function http(listen: string, method: string, path: string, body?: Json): Promise<string> {
  const response = await fetch(`http://${listen}${path}`, {
    method,
    ...(body === undefined ? {} : { headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) }),
  })
  const text = await response.text()
  const shown = response.ok ? text : `${response.status} refused: ${(JSON.parse(text) as { message: string }).message}`
  tell(`${method} ${path}${body === undefined ? '' : ` ${JSON.stringify(body)}`}`, shown)
  return text
}

/** The lines of a stream, as they come; at least one. */
async function enter(listen: string, user: string): Promise<string[]> {
  const response = await fetch(`http://${listen}/rooms/lobby/join/${user}`)
  const lines: string[] = []
  const read = async () => {
    for await (const chunk of response.body!)
      lines.push(
        ...Buffer.from(chunk)
          .toString()
          .split('\n')
          .filter((line) => line !== ''),
      )
  }
  // It ends when the host is killed.
  read().catch(() => {})
  await until(lines)
  return lines
}

async function until(lines: readonly string[]): Promise<string> {
  while (lines.length === 0) await new Promise((resolve) => setTimeout(resolve, 5))
  return lines.at(-1)!
}

async function grpc(listen: string, admin: string, target: string, json: Json): Promise<void> {
  const [service, name] = target.split('/') as [string, string]
  const { descriptors } = (await (await fetch(`http://${admin}/v1/services/${service}/descriptors`)).json()) as {
    descriptors: string
  }
  const schema = loadSchema(Buffer.from(descriptors, 'base64'))
  const { input, output } = schema.services.get(service)!.methods.get(name)!
  const client = new Client(listen, credentials.createInsecure())
  const bytes = (value: Buffer) => value
  const reply = await new Promise<Buffer>((resolve, reject) => {
    client.makeUnaryRequest(`/${target}`, bytes, bytes, Buffer.from(toMessage(schema, input, json)), (error, value) => {
      if (error === null) resolve(value!)
      else reject(error)
    })
  })
  client.close()
  tell(`grpc ${target} ${JSON.stringify(json)}`, toJson(schema, output, reply))
}
