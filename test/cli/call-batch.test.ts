// Guards `inn call --batch`: a line for each line, in their order, whatever becomes of it.

import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { component } from '../support/components.ts'
import { temporary, testHost } from '../support/host.ts'
import { runInn } from '../support/inn.ts'

const service = 'examples.counter.v1.Counter'
const data = temporary()
const work = temporary()
const host = await testHost(data.path)
assert.ok((await host.deployer.deploy((await component('counter/typescript')).bytes)).ok)

const run = (args: readonly string[], input = '') =>
  runInn(work.path, ['call', ...args], { INNKEEPER_ADMIN: host.admin }, input)

const Batch = suite('inn call --batch')

Batch('call-batch.B1: each line has its answer in its place, a reply or an error', async () => {
  const lines = [
    { service, method: 'Add', payload: { id: 'a', amount: '2' } },
    { service, method: 'Add', payload: { id: 'a', amount: 0 } },
    { service, method: 'Nothing' },
    { service: 'no.such.v1.Service', method: 'Add' },
    { service, method: 'Get', payload: { id: 'a' } },
  ]
  const file = join(work.path, 'calls.jsonl')
  writeFileSync(file, `${lines.map((line) => JSON.stringify(line)).join('\n\n')}\n`)
  const { code, out, err } = await run(['--batch', file])
  assert.is(err, '')
  const answers = out
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line))
  assert.equal(answers[0], { reply: { value: '2' } })
  assert.equal(answers[1], { error: { code: 'INVALID_ARGUMENT', message: 'amount must be positive, got 0' } })
  assert.is(answers[2].error.code, 'UNIMPLEMENTED')
  assert.match(answers[2].error.message, /has no method Nothing/)
  assert.is(answers[3].error.code, 'UNIMPLEMENTED')
  assert.equal(answers[4], { reply: { value: '2' } })
  assert.is(answers.length, 5)
  assert.is(code, 1)
})

Batch('call-batch.B2: a line that is no call is told in its place, and the exit code is 2', async () => {
  const lines = [
    '{"method":"Add","payload":{"id":"b","amount":1}}',
    'x',
    '{"payload":{}}',
    '{"method":"Add","payload":{"id":"b","much":1}}',
    '{"method":"Add","paylod":{}}',
    '[]',
    '{"method":"Get","payload":{"id":"b"}}',
  ]
  const { code, out } = await run([service, '--batch', '-'], lines.join('\n'))
  const answers = out
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line))
  assert.equal(answers[0], { reply: { value: '1' } })
  for (const [at, words] of [
    [1, /^line 2: the call is not JSON/],
    [2, /^line 3: the call names no method/],
    [3, /^line 4: \$\.much/],
    [4, /^line 5: a call has no paylod/],
    [5, /^line 6: the call is not a JSON object/],
  ] as const)
    assert.match(answers[at].error.message, words)
  assert.equal(answers[6], { reply: { value: '1' } })
  assert.is(code, 2)
  const unnamed = await run(['--batch', '-'], '{"method":"Add"}')
  assert.match(unnamed.out, /names no service/)
})

Batch(
  '§pipelined-4, call-batch.B3: thousands of lines for one entity are done in their order, each once by its key',
  async () => {
    const count = 5_000
    const lines = Array.from({ length: count }, (_, index) =>
      JSON.stringify({ method: 'Add', payload: { id: 'c', amount: 1 }, key: `k${index % (count / 2)}` }),
    )
    const { code, out, err } = await run([service, '--batch', '-'], lines.join('\n'))
    assert.equal([code, err], [0, ''])
    assert.equal(
      out.trimEnd().split('\n'),
      Array.from({ length: count }, (_, index) => `{"reply":{"value":"${(index % (count / 2)) + 1}"}}`),
    )
  },
)

Batch('what is wrong with the whole is said once', async () => {
  const gone = await run(['--batch', 'no-such-file'])
  assert.is(gone.code, 1)
  assert.match(gone.err, /^inn call: no-such-file: ENOENT/)
  const usage = await run([`${service}/Add`, '--batch', '-'])
  assert.is(usage.code, 2)
  assert.match(usage.err, /usage: inn call \[SERVICE\] --batch FILE/)
})

Batch.after(async () => {
  await host.stop()
  data.remove()
  work.remove()
})

Batch.run()
