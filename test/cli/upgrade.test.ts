// Guards what a user sees of upgrades: inn deploy, check --data, rollback, entities --stuck and --rescue, typed.

import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { hostProcess, http, temporary } from '../support/host.ts'
import { runInn } from '../support/inn.ts'
import { tally, version, withoutUnlucky } from '../support/tally.ts'

const Upgrade = suite('inn over stored data')

const data = temporary()
const work = temporary()
const file = (name: string) => join(work.path, name)
const whole = await version()
writeFileSync(file('whole.wasm'), whole)
writeFileSync(file('shrunk.wasm'), await withoutUnlucky())

let host = await hostProcess(data.path, [file('whole.wasm')])
const inn = (...args: readonly string[]) => runInn(work.path, args, { INNKEEPER_ADMIN: host.admin })
const add = async (id: string, amount: number) =>
  assert.is((await http(host.listen, 'POST', `/tally/${id}/add`, { amount })).status, 200)
for (const amount of [1, 13, 2]) await add('a b', amount)
await add('c', 13)

const lost = `refused: ${tally}: 2 events of type tally.v1.Unlucky are stored, which this version does not fold (the first: event 2 of entity "a b"); keep its message and its evolve (--force overrides)`

Upgrade('deploy, its dry run and check --data refuse the same, a reason a line', async () => {
  for (const args of [
    ['deploy', 'shrunk.wasm'],
    ['deploy', 'shrunk.wasm', '--dry-run'],
  ]) {
    const ran = await inn(...args)
    assert.is(ran.code, 1)
    assert.is(ran.out, '')
    assert.match(ran.err.trimEnd().split('\n').at(-1)!, lost)
  }
  const busy = await inn('check', 'whole.wasm', '--data', data.path)
  assert.is(busy.code, 1)
  assert.match(busy.err, /inn check: .*in use/)
  await host.kill()
  const ran = await inn('check', 'shrunk.wasm', '--data', data.path)
  assert.is(ran.code, 1)
  assert.match(ran.err.trimEnd().split('\n').at(-1)!, lost)
  const fine = await inn('check', 'whole.wasm', '--data', data.path)
  assert.is(fine.code, 0, fine.err)
  assert.match(fine.out, `${tally}: 2 entities are stored; 2 of 2 that were chosen can be read by it.`)
  assert.match((await inn('check', 'whole.wasm', '--data', file('nowhere'))).err, /nowhere: no such directory/)
  host = await hostProcess(data.path)
})

Upgrade('a forced version, the stuck entities, and the way back', async () => {
  const forced = await inn('deploy', 'shrunk.wasm', '--force')
  assert.is(forced.code, 0, forced.err)
  assert.match(forced.out, `warning: overridden by --force: ${tally}: 2 events of type tally.v1.Unlucky are stored`)
  assert.match(forced.out, /tally.v1.Tally\/Add +POST +\/tally\/\{id\}\/add/)
  await http(host.listen, 'GET', '/tally/a%20b')
  const stuck = await inn('entities', tally, '--stuck')
  assert.match(
    stuck.out,
    `${tally} entity "a b" cannot be read: its event 2 is a tally.v1.Unlucky, which deployment 2 does not fold.`,
  )
  assert.match(stuck.out, `\`inn rollback ${tally}\` goes back to the version before`)
  const services = await inn('services', tally)
  assert.match(services.out, /versions\n +1 .*\n +2 .*active, forced/)
  const back = await inn('rollback', tally)
  assert.is(back.code, 0, back.err)
  assert.match(back.out, `${tally} deployed as number 3 in `)
  assert.match(back.out, `${tally}: 2 entities are stored; 2 of 2 that were chosen can be read by it.`)
  assert.match((await inn('services', tally)).out, /\n +3 .* active, the component of deployment 1$/m)
  assert.is((await http(host.listen, 'GET', '/tally/a%20b')).json.value, '3')
  assert.is((await inn('entities', tally, '--stuck')).out, 'No entity is stuck.\n')
  const refused = await inn('rollback', tally, '2')
  assert.is(refused.code, 1)
  assert.match(refused.err.trimEnd().split('\n').at(-1)!, lost)
  const nothing = await inn('rollback', tally, '9')
  assert.match(nothing.err, /inn rollback: deployment 9 had no tally.v1.Tally; it was deployed as 1, 2, 3/)
  assert.is((await inn('rollback', tally, 'x')).code, 2)
})

Upgrade('a rescue says what it did, and what it needs', async () => {
  assert.match((await inn('entities', tally, '--rescue', 'a b')).err, /--rescue needs --fuel N/)
  assert.match((await inn('entities', tally, '--fuel', '5')).err, /--fuel can only be given with --rescue ID/)
  const ran = await inn('entities', tally, '--rescue', 'a b', '--fuel', '1000000000')
  assert.is(ran.code, 0, ran.err)
  assert.match(
    ran.out,
    /^tally.v1.Tally a b was replayed up to event 3; its state has \d+ bytes.\nThe entity accepts commands again.\n$/,
  )
  assert.match((await inn('entities', tally, '--rescue', 'z', '--fuel', '5')).err, /stores no entity "z"/)
})

Upgrade.after(async () => {
  await host.kill()
  data.remove()
  work.remove()
})

Upgrade.run()
