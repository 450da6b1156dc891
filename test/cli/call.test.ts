// Guards `inn call` on streams: elements as they come, requests by the line, failures after elements, and Ctrl-C.

import type { ChildProcess } from 'node:child_process'
import { spawn } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import http from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { toMessage } from '../../host/transcode/to-message.ts'
import { temporary } from '../support/host.ts'
import { fakeHost, streamsProto } from '../support/ingress.ts'
import { protos } from '../support/protos.ts'

const bin = fileURLToPath(new URL('../../host/bin/inn.mjs', import.meta.url))
const name = 'test.streams.v1.Streams'
const { schema, bytes } = await protos({ 'streams.proto': streamsProto })
const host = await fakeHost(schema, [name])
const work = temporary()
const item = (text: string) => toMessage(schema, schema.messages.get('test.streams.v1.Item')!, { text })
const json = (text: string) => `{"text":"${text}","number":"0","tags":[]}\n`

/** What `inn call` asks of the admin port. */
const admin = http.createServer((request, response) => {
  const bodies: Readonly<Record<string, object>> = {
    '/v1/host': { listen: host.address },
    '/v1/services': { services: [{ name }], unrestored: [] },
    [`/v1/services/${name}/descriptors`]: { descriptors: Buffer.from(bytes).toString('base64') },
  }
  response.end(JSON.stringify(bodies[request.url!]))
})
await new Promise<void>((resolve) => admin.listen(0, '127.0.0.1', resolve))
const adminAddress = `127.0.0.1:${(admin.address() as AddressInfo).port}`

interface Running {
  readonly child: ChildProcess
  readonly out: () => string
  readonly ended: Promise<{ code: number | null; out: string; err: string }>
}

function call(method: string, ...args: readonly string[]): Running {
  const child = spawn(
    process.execPath,
    ['--disable-warning=ExperimentalWarning', bin, 'call', `${name}/${method}`, ...args],
    { env: { PATH: process.env['PATH'], INNKEEPER_ADMIN: adminAddress }, timeout: 60_000 },
  )
  let [out, err] = ['', '']
  child.stdout.on('data', (chunk) => {
    out += chunk
  })
  child.stderr.on('data', (chunk) => {
    err += chunk
  })
  const ended = new Promise<{ code: number | null; out: string; err: string }>((resolve) =>
    child.on('close', (code) => resolve({ code, out, err })),
  )
  return { child, out: () => out, ended }
}

const CallSuite = suite('inn call')

CallSuite('call.C1: elements of a streamed answer are printed as they come, one a line', async () => {
  const running = call('Watch', '{"text":"q"}')
  const fake = await host.call()
  assert.equal(Buffer.from(fake.command.payload), Buffer.from(item('q')))
  fake.next(item('a'))
  while (running.out() !== json('a')) await new Promise((resolve) => running.child.stdout!.once('data', resolve))
  fake.next(item('b'))
  fake.receiver.end()
  assert.equal(await running.ended, { code: 0, out: json('a') + json('b'), err: '' })
})

CallSuite('call.C1: a stream that fails ends with 1 and one line, after its elements', async () => {
  const running = call('Watch', '{}')
  const fake = await host.call()
  fake.next(item('a'))
  fake.refuse(9, 'no more of that')
  assert.equal(await running.ended, {
    code: 1,
    out: json('a'),
    err: 'inn call: FAILED_PRECONDITION: no more of that\n',
  })
})

CallSuite('call.C2: lines of standard input are elements, sent while more are awaited', async () => {
  const running = call('Chat', '-')
  const fake = await host.call()
  running.child.stdin!.write('{"text":"a"}\n')
  await fake.until(() => fake.items.length === 1)
  running.child.stdin!.write('\n{"text":"b"}\n')
  await fake.until(() => fake.items.length === 2)
  fake.next(item('answer'))
  running.child.stdin!.end('{"text":"c"}')
  await fake.until(() => fake.halfClosed === 1)
  assert.equal(fake.items.map(Buffer.from), ['a', 'b', 'c'].map(item).map(Buffer.from))
  fake.receiver.end()
  assert.equal(await running.ended, { code: 0, out: json('answer'), err: '' })
})

CallSuite('call.C2: a file of lines, and one value as the argument', async () => {
  const file = join(work.path, 'items.jsonl')
  writeFileSync(file, '{"text":"a"}\n{"text":"b"}\n')
  for (const [input, count] of [
    [`@${file}`, 2],
    ['{"text":"a"}', 1],
  ] as const) {
    const running = call('Collect', input)
    const fake = await host.call()
    await fake.until(() => fake.halfClosed === 1)
    assert.is(fake.items.length, count)
    fake.next(item('sum'))
    fake.receiver.end()
    assert.equal(await running.ended, { code: 0, out: json('sum'), err: '' })
  }
})

CallSuite('call.C2: a line that does not fit ends with 2, says which, and cancels the call', async () => {
  const running = call('Collect', '-')
  const fake = await host.call()
  running.child.stdin!.write('{"text":"a"}\n{"no":1}\n')
  const { code, out, err } = await running.ended
  assert.is(code, 2)
  assert.is(out, '')
  assert.match(err, /^inn call: line 2: \$.no: unknown field.*\n$/)
  await fake.until(() => fake.cancels === 1)
  assert.is((await call('Watch', '{"no":1}').ended).code, 2)
  assert.is((await call('Collect', '@/no/such/file').ended).code, 1)
})

CallSuite('call.C2: an answer ends the call while standard input is still open', async () => {
  const running = call('Collect', '-')
  const fake = await host.call()
  fake.next(item('enough'))
  fake.receiver.end()
  assert.equal(await running.ended, { code: 0, out: json('enough'), err: '' })
})

CallSuite('call.C3: Ctrl-C cancels the call and says nothing', async () => {
  const running = call('Watch', '{}')
  const fake = await host.call()
  fake.next(item('a'))
  while (running.out() !== json('a')) await new Promise((resolve) => running.child.stdout!.once('data', resolve))
  running.child.kill('SIGINT')
  assert.equal(await running.ended, { code: 130, out: json('a'), err: '' })
  await fake.until(() => fake.cancels === 1)
})

CallSuite('unary calls are as they were', async () => {
  assert.equal(await call('Echo', '{"text":"a"}').ended, { code: 0, out: json('a'), err: '' })
  host.onDispatch = (_, reply) =>
    reply({ kind: 'refusal', failure: { code: 5, message: 'none', details: [] }, metadata: [] })
  assert.equal(await call('Echo').ended, { code: 1, out: '', err: 'inn call: NOT_FOUND: none\n' })
})

CallSuite.after(async () => {
  admin.close()
  await host.ingress.close(100)
  work.remove()
})

CallSuite.run()
