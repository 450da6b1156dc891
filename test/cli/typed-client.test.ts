// Guards `inn client`: what it writes, and what it says where it cannot.

import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { component } from '../support/components.ts'
import { hostProcess, temporary } from '../support/host.ts'
import { runInn } from '../support/inn.ts'

const data = temporary()
const work = temporary()
const host = await hostProcess(data.path)
const inn = (...args: readonly string[]) => runInn(work.path, args, { INNKEEPER_ADMIN: host.admin })

async function fails(code: number, message: RegExp, ...args: readonly string[]): Promise<void> {
  const ran = await inn('client', ...args)
  assert.is(ran.code, code, `${args.join(' ')}: ${ran.err}`)
  assert.match(ran.err, message)
  assert.is(ran.err.trimEnd().split('\n').length, 1, ran.err)
  assert.is(ran.out, '')
}

const Client = suite('inn client')

Client('what cannot be done is said in a line, and nothing is written', async () => {
  await fails(2, /--lang LANGUAGE is missing; there is ts/)
  await fails(2, /--lang java does not exist; there is ts/, '--lang', 'java')
  await fails(1, /nothing is deployed; deploy a component with `inn deploy FILE.wasm` first/, '--lang', 'ts')
  await fails(1, /no host answers on 127.0.0.1:1 .*inn up/, '--lang', 'ts', '--admin', '127.0.0.1:1')
  await fails(1, /no service Kart is deployed/, '--lang', 'ts', 'Kart')
  for (const guest of ['cart/typescript', 'orders/typescript'])
    assert.is((await inn('deploy', (await component(guest)).file)).code, 0)
  await fails(1, /no service ShoppingKart is deployed.*ShoppingCart/, '--lang', 'ts', 'ShoppingKart')
  mkdirSync(join(work.path, 'mine'))
  writeFileSync(join(work.path, 'mine/notes.txt'), 'mine')
  await fails(
    1,
    /mine: is not empty, and no client that inn wrote; .*--out, or .*--force/,
    '--lang',
    'ts',
    '--out',
    'mine',
  )
  await fails(1, /notes.txt: is no folder; name another with --out/, '--lang', 'ts', '-o', 'mine/notes.txt')
  await fails(1, /mine\/notes.txt\/below: is no folder/, '--lang', 'ts', '-o', 'mine/notes.txt/below')
  assert.not.ok(existsSync(join(work.path, 'client')))
})

Client(
  'it writes the services that are deployed, says what each is called and what is left out, and how to go on',
  async () => {
    const { code, out, err } = await inn('client', '--lang', 'ts')
    assert.is(code, 0, err)
    assert.equal(out.trimEnd().split('\n'), [
      'client: a client of 2 services',
      '  client.shoppingCart  examples.cart.v1.ShoppingCart',
      '  client.orders        examples.checkout.v1.Orders',
      'Next: npm install ./client; client/README.md shows how to use it.',
    ])
    assert.match(err, /left out: examples.checkout.v1.Orders\/Import takes a stream/)
    const manifest = JSON.parse(readFileSync(join(work.path, 'client/package.json'), 'utf8'))
    assert.is(manifest.name, 'client')
    assert.match(
      readFileSync(join(work.path, 'client/README.md'), 'utf8'),
      /`client.shoppingCart.watchCart` \| watch \|/,
    )
  },
)

Client('the next run takes its place, and what is no longer served goes', async () => {
  const orders = join(work.path, 'client/gen/examples/checkout/v1/orders_pb.js')
  assert.ok(existsSync(orders))
  const ran = await inn('client', '--lang', 'ts', 'ShoppingCart', '--json')
  assert.is(ran.code, 0, ran.err)
  const { services, files, left } = JSON.parse(ran.out)
  assert.equal(services, { 'examples.cart.v1.ShoppingCart': 'shoppingCart' })
  assert.ok(files.includes('gen/examples/cart/v1/cart_pb.js'))
  assert.equal(left, [])
  assert.not.ok(existsSync(orders))
})

Client('a folder with other files is written into by force, and is called as npm allows', async () => {
  assert.is((await inn('client', '--lang', 'ts', '--out', 'mine', '--force')).code, 0)
  assert.is(readFileSync(join(work.path, 'mine/notes.txt'), 'utf8'), 'mine')
  const { out } = await inn('client', '--lang', 'ts', '--out', 'below/My Shop')
  assert.match(out, /npm install "?\.\/below\/My Shop/)
  assert.is(JSON.parse(readFileSync(join(work.path, 'below/My Shop/package.json'), 'utf8')).name, 'my-shop')
})

Client.after(async () => {
  await host.kill()
  for (const { remove } of [data, work]) remove()
})

Client.run()
