// Guards that a function in every language calls a connector as it calls any other service: built from the template, deployed, and heard by a provider.

import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { languages } from '../../sdk/build/languages/languages.ts'
import { newProject } from '../../sdk/build/new.ts'
import { MissingTool } from '../../sdk/build/toolchain.ts'
import { buildProject } from '../support/building.ts'
import { http, temporary, testHost } from '../support/host.ts'
import { eventually } from '../support/ingress.ts'
import { Provider } from '../support/provider.ts'
import { skip } from '../support/skip.ts'

const parent = fileURLToPath(new URL('../fixtures/gen/', import.meta.url))
const payments = `syntax = "proto3";
package pay.v1;
import "google/api/annotations.proto";
import "innkeeper/options.proto";
service Payments {
  option (innkeeper.connector) = { name: "payments" };
  rpc Charge(ChargeRequest) returns (ChargeReply) { option (google.api.http) = { post: "/v1/charges/{charge}" body: "*" }; }
}
message ChargeRequest { string charge = 1; int64 cents = 2; }
message ChargeReply { string charge = 1; }
`

/** Where the function is, and what it says besides: the words of its README. */
const changes: Readonly<Record<string, readonly [file: string, ...words: (readonly [was: string, is: string])[]]>> = {
  typescript: [
    'src/service.ts',
    [
      'accept(Added({ amount }))',
      "accept(Added({ amount })).effect(call(Payments, 'charge', { charge: id, cents: amount }))",
    ],
    ['{ amount }', '{ id, amount }'],
    ['import { accept,', "import { Payments } from './gen/payments.ts'\nimport { accept, call,"],
  ],
  rust: [
    'src/lib.rs',
    ['AddRequest { amount, .. }', 'AddRequest { id, amount, .. }'],
    [
      'accept(Added { amount })',
      'accept(Added { amount }).effect(payments::call::charge(ChargeRequest { charge: id, cents: amount }))',
    ],
    ['pub struct Service;', 'use proto::pay::v1::{ChargeRequest, payments};\n\npub struct Service;'],
  ],
  go: [
    'service.go',
    [
      'c.Accept(&gen.Added{Amount: request.Amount}).',
      'c.Accept(&gen.Added{Amount: request.Amount}).\n\t\tEffect(gen.Payments.Charge(&gen.ChargeRequest{Charge: request.Id, Cents: request.Amount})).',
    ],
  ],
  assemblyscript: [
    'assembly/index.ts',
    [
      'this.emit(Added.of(amount))',
      'this.emit(Added.of(amount))\n    context.effect(PaymentsCalls.charge(ChargeRequest.of(request.id, amount)))',
    ],
    ["from './gen/payer'", "from './gen/payer'\nimport { ChargeRequest, PaymentsCalls } from './gen/payments'"],
  ],
  swift: [
    'Sources/Service/Service.swift',
    [
      'return .accept(Added(amount: request.amount))',
      'context.effect(PaymentsCalls.charge(ChargeRequest(charge: request.id, cents: request.amount)))\n    return .accept(Added(amount: request.amount))',
    ],
  ],
  c: [
    'src/service.c',
    [
      'payer_emit_added(context,',
      'ik_add_effect(context, payments_charge_call(&(pay_charge_request){.charge = request->id, .cents = request->amount}), false);\n  payer_emit_added(context,',
    ],
    ['#include "gen/payer.h"', '#include "gen/payer.h"\n#include "gen/payments.h"'],
  ],
}

/** A project from the template, changed. */
async function projectIn(folder: string, lang: string): Promise<void> {
  rmSync(folder, { recursive: true, force: true })
  mkdirSync(parent, { recursive: true })
  await newProject(folder, { lang, name: 'payer', sdk: '*', inn: '*' })
  writeFileSync(join(folder, 'proto/payments.proto'), payments)
  const [file, ...words] = changes[lang]!
  let text = readFileSync(join(folder, file), 'utf8')
  for (const [was, is] of words) {
    assert.ok(text.includes(was), `${lang}: ${was}\n${text}`)
    text = text.replace(was, () => is)
  }
  writeFileSync(join(folder, file), text)
}

const Calls = suite('connectors in every language')

/** `CALLING_LANGUAGE` names the only one to try. */
for (const lang of Object.keys(languages)) {
  if ((process.env['CALLING_LANGUAGE'] ?? lang) !== lang) continue
  const name = `§connector-1: a function in ${lang} calls a connector as it calls any service`
  const folder = join(parent, `payer-${lang}`)
  try {
    await projectIn(folder, lang)
    const { file, connectors } = await buildProject(folder, { out: join(folder, 'payer.wasm') })
    Calls(name, async () => {
      assert.equal(connectors, ['pay.v1.Payments'])
      await heard(readFileSync(file))
    })
  } catch (error) {
    if (!(error instanceof MissingTool)) throw error
    skip(Calls, name, error.message)
  }
}
Calls.after(() => {
  for (const lang of Object.keys(languages)) rmSync(join(parent, `payer-${lang}`), { recursive: true, force: true })
})

async function heard(component: Uint8Array): Promise<void> {
  const folder = temporary()
  const provider = await Provider.open()
  const grant = { url: provider.url, services: ['payer.v1.Payer'], private: true }
  writeFileSync(join(folder.path, 'innkeeper.json'), JSON.stringify({ connectors: { payments: grant } }))
  const host = await testHost(folder.path)
  try {
    const deployed = await host.deployer.deploy(component)
    assert.ok(deployed.ok, JSON.stringify(deployed))
    assert.is((await http(host.listen, 'POST', '/payer/a/add', { amount: 7 })).status, 200)
    await eventually(() => provider.requests.length > 0)
    const [{ method, url, body }] = provider.requests as [Provider['requests'][number]]
    assert.equal([method, url, body], ['POST', '/v1/charges/a', '{"cents":7}'])
  } finally {
    await host.stop()
    provider.close()
    folder.remove()
  }
}

Calls.run()
