// Guards rows of a query on their way to a client: in order, as it takes them, and counted until then.

import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { Command, Failed, Receiver } from '../../host/command.ts'
import { Queries } from '../../host/projection/queries.ts'
import type { Method, ViewService } from '../../host/services.ts'

const Rows = suite('rows of a query')

const service = { name: 'shop.v1.Orders' } as ViewService
const method = { type: { name: 'All', query: { sql: '', live: false } } } as Method
const command = { payload: new Uint8Array(), metadata: [], deadlineMs: Number.POSITIVE_INFINITY } as unknown as Command

/** A client that takes `takes` rows before it stops reading. */
function opened(lengths: readonly number[], takes: number) {
  const heard = { told: [] as number[], owed: 0, ended: undefined as Failed | 'well' | undefined, takes }
  const receiver: Receiver = {
    get ready() {
      return heard.told.length < heard.takes
    },
    next: ({ length }) => void heard.told.push(length),
    end: (failed) => {
      heard.ended = failed ?? 'well'
    },
    inputTaken: () => {},
    owes: (bytes) => {
      heard.owed += bytes
    },
  }
  const rows = lengths.map((length) => new Uint8Array(length))
  const live = {
    open: () => {
      throw new Error('it is not live')
    },
  }
  const call = new Queries({ query: async () => rows }, live).open(service, method, command, receiver)
  return { heard, call }
}
const settled = () => new Promise((resolve) => setTimeout(resolve, 1))

Rows('queries.Q3: what a client has not read is counted, and goes on when it reads', async () => {
  const { heard, call } = opened([5, 6, 7], 1)
  await settled()
  assert.equal([heard.told, heard.owed, heard.ended], [[5], 13, undefined])
  heard.takes = 9
  call.resume()
  assert.equal([heard.told, heard.owed, heard.ended], [[5, 6, 7], 0, 'well'])
})

Rows('queries.Q3: what is left is counted no more when the client leaves', async () => {
  const { heard, call } = opened([5, 6], 0)
  await settled()
  assert.is(heard.owed, 11)
  call.cancel()
  assert.equal([heard.owed, heard.told, heard.ended], [0, [], undefined])
})

Rows('a query without rows ends well', async () => {
  const { heard } = opened([], 1)
  await settled()
  assert.equal([heard.told, heard.ended], [[], 'well'])
})

Rows.run()
