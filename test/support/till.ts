// Till: a stand-in for the provider of guests/shop, as a component: a till for charges, and a box for mails, that keep their books as entities.
//
// T1. A charge is made once under its id, and never after it was given back, as the provider has it (guests/shop/books.ts).
// T2. The card `declined` is refused. Now and then a refund is, too. Of the card `slow` the first ask is never answered, and what was taken is taken.
//
// Leaves to others: the provider itself, over HTTP (guests/shop/provider.ts).

import { mkdtempSync, readFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { ChargeOfBooks, MailOfBooks, ProviderBooks } from '../../guests/shop/books.ts'
import { buildProject } from '../../sdk/build/build.ts'
import { http } from './host.ts'
import { withProject } from './project.ts'

const till = 'test.till.v1.Till'
const box = 'test.till.v1.Box'

const proto = `syntax = "proto3";
package test.till.v1;
import "google/protobuf/empty.proto";
import "innkeeper/options.proto";
import "payments.proto";
service Till {
  rpc Charge(TillCharge) returns (examples.payments.v1.Payment) { option (innkeeper.method) = { internal: true }; }
  rpc Refund(TillRefund) returns (examples.payments.v1.Payment) { option (innkeeper.method) = { internal: true }; }
}
service Box {
  rpc Put(Letter) returns (google.protobuf.Empty) { option (innkeeper.method) = { internal: true }; }
}
message TillCharge { string charge = 1 [(innkeeper.entity_key) = true]; int64 cents = 2; string card = 3; }
message TillRefund { string charge = 1 [(innkeeper.entity_key) = true]; }
message Line { string state = 1; int64 cents = 2; string card = 3; }
message Letter { string id = 1 [(innkeeper.entity_key) = true]; string to = 2; string subject = 3; string text = 4; }
`

const service = `
import { accept, action, call, refuse, update, value } from '@innkeeper/sdk'
import { Mail } from './gen/mail.ts'
import { PaymentState, Payments } from './gen/payments.ts'
import { Box, Letter, Line, Till } from './gen/till.ts'

const states = { CHARGED: PaymentState.CHARGED, REFUNDED: PaymentState.REFUNDED, VOID: PaymentState.VOID }
const shown = (charge: string, { state, cents }: Line) =>
  ({ charge, cents, receipt: 'r.' + charge, state: states[state as keyof typeof states] })

const books = value(Till, {
  value: Line,
  decide: {
    charge: (line, { charge, cents, card }) => {
      if (line?.state === 'CHARGED') return accept().reply(shown(charge, line))
      if (line !== undefined) return refuse('FAILED_PRECONDITION', 'it was given back')
      if (card === 'declined') return refuse('FAILED_PRECONDITION', 'the card is declined')
      const made = Line({ state: 'CHARGED', cents, card })
      return card === 'slow' ? update(made).later('never') : update(made).reply(shown(charge, made))
    },
    refund: (line, { charge }) => {
      if (line === undefined) return update(Line({ state: 'VOID' })).reply(shown(charge, Line({ state: 'VOID' })))
      if (line.state !== 'CHARGED') return accept().reply(shown(charge, line))
      const back = { ...line, state: 'REFUNDED' }
      return update(back).reply(shown(charge, back))
    },
  },
})

const letters = value(Box, {
  value: Letter,
  decide: { put: (_, letter) => update(letter).reply({}) },
})

const payments = action(Payments, {
  methods: {
    charge: ({ charge, cents, card }) => accept().forward(call(Till, 'charge', { charge, cents, card })),
    refund: ({ charge }, context) =>
      context.random() < 0.3 ? refuse('UNAVAILABLE', 'not now') : accept().forward(call(Till, 'refund', { charge })),
  },
})
const mail = action(Mail, {
  methods: { send: (letter) => accept().effect(call(Box, 'put', letter), { synchronous: true }).reply({}) },
})

export default [books, letters, payments, mail]
`

/** The file of the component. */
export async function buildTill(): Promise<string> {
  const own = (name: string) =>
    readFileSync(fileURLToPath(new URL(`../../guests/proto/${name}.proto`, import.meta.url)), 'utf8')
  const out = join(mkdtempSync(join(tmpdir(), 'innkeeper-till-')), 'till.wasm')
  const files = {
    'package.json': JSON.stringify({
      ...{ name: 'till', private: true, type: 'module' },
      innkeeper: { language: 'typescript', files: ['till.proto', 'payments.proto', 'mail.proto'] },
    }),
    'proto/till.proto': proto,
    'proto/payments.proto': own('payments'),
    'proto/mail.proto': own('mail'),
    'src/service.ts': service,
    'test/service.test.ts': '',
  }
  await withProject(files, async (folder) => {
    await buildProject(folder, { out })
  })
  return out
}

/** What it has taken, given back and mailed, of a host whose admin port this is. */
export async function booksOf(admin: string): Promise<ProviderBooks> {
  const all = async <State>(service: string): Promise<readonly (readonly [string, State])[]> => {
    const { json } = await http(admin, 'GET', `/v1/services/${service}/entities?limit=1000`)
    const ids = (json.entities as readonly { readonly id: string }[]).map(({ id }) => id)
    const stateOf = async (id: string) =>
      (await http(admin, 'GET', `/v1/services/${service}/entities/${encodeURIComponent(id)}/state`)).json.state as State
    return await Promise.all(ids.map(async (id) => [id, await stateOf(id)] as const))
  }
  const lines = await all<{ readonly state: ChargeOfBooks['state']; readonly cents: string }>(till)
  const letters = await all<MailOfBooks>(box)
  return {
    charges: lines.map(([charge, { state, cents }]) => ({ charge, cents: Number(cents), receipt: '', state })),
    mails: letters.map(([, letter]) => letter),
  }
}
