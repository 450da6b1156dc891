// Guards calls between threads: each is answered once, lines wait until they are taken, and errors stay what they are.

import { MessageChannel, type MessagePort } from 'node:worker_threads'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { InnkeeperError } from '../../host/errors.ts'
import { Rpc } from '../../host/supervisor/rpc.ts'
import { rejects } from '../support/assert.ts'

const Calls = suite('rpc')

/** They hold up the end of the process, also where a test fails. */
const ports: MessagePort[] = []

/** Two sides of one channel; the far one has the handlers. @returns the near one */
function sides(handlers: ConstructorParameters<typeof Rpc>[1]) {
  const { port1, port2 } = new MessageChannel()
  ports.push(port1)
  new Rpc(port2, handlers)
  return new Rpc(port1, {})
}

Calls(
  'rpc.C1: each call has its own answer, whatever the order, and the end of a thread answers those that are open',
  async () => {
    const waiting: (() => void)[] = []
    const near = sides({
      later: (value) => new Promise<unknown>((resolve) => waiting.push(() => resolve(value))),
      now: () => {
        for (const answer of waiting.splice(0).reverse()) answer()
      },
      never: () => new Promise(() => {}),
    })
    const later = [near.call('later', 1), near.call('later', 2)]
    await near.call('now')
    assert.equal(await Promise.all(later), [1, 2])
    const open = [near.call('never'), near.call('never')]
    near.close(new Error('it is gone'))
    for (const call of [...open, near.call('now')])
      await call.then(
        () => assert.unreachable(),
        ({ message }) => assert.is(message, 'it is gone'),
      )
  },
)

Calls('rpc.C2: the next line is sent when the one before is taken', async () => {
  const near = sides({
    lines: async (_, { line }) => {
      for (let at = 0; at < 3; at++) {
        await line(at)
        sent++
      }
    },
  })
  let sent = 0
  const seen: string[] = []
  await near.call('lines', undefined, async (value) => {
    await new Promise((resolve) => setTimeout(resolve, 5))
    seen.push(`${value} after ${sent}`)
  })
  assert.equal(seen, ['0 after 0', '1 after 1', '2 after 2'])
})

Calls('rpc.C3: an error of ours arrives as one, and any other as its message', async () => {
  const near = sides({
    ours: () => {
      throw new InnkeeperError('unknown_service', 'no such service')
    },
    other: () => {
      throw new TypeError('a mistake')
    },
  })
  assert.is((await rejects(() => near.call('ours'), 'unknown_service')).message, 'no such service')
  const other = await near.call('other').catch((error: unknown) => error)
  assert.not.ok(other instanceof InnkeeperError)
  assert.is((other as Error).message, 'a mistake')
})

Calls.after(() => {
  for (const port of ports) port.close()
})

Calls.run()
