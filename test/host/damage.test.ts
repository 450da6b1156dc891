// Guards that damage stays with what it hits, through a whole host: what was acknowledged is served, or a sentence says what is lost
// and what to do. An operator is told the place; a caller is not. The commands are typed as an operator types them.

import { createHash } from 'node:crypto'
import {
  copyFileSync,
  cpSync,
  existsSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { basename, join } from 'node:path'
import { isDeepStrictEqual } from 'node:util'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { whatIs } from '../../host/journal/what.ts'
import { checkManifest, manifestOf, readMarker } from '../../host/storage/marker.ts'
import { component } from '../support/components.ts'
import {
  add,
  adds,
  amountOf,
  copied,
  counter,
  effects,
  filled,
  flip,
  keys,
  listened,
  readReplica,
  readValue,
  spoil,
  tables,
  textOf,
} from '../support/damage.ts'
import type { HostProcess } from '../support/host.ts'
import { hostProcess, http, temporary } from '../support/host.ts'
import { runInn } from '../support/inn.ts'
import { replicas, ScriptClient, values } from '../support/scripted.ts'

const Damage = suite('damage')
const original = temporary()
const total = String((adds * (adds + 1)) / 2)
const inn = (host: HostProcess, ...args: readonly string[]) =>
  runInn(original.path, args, { INNKEEPER_ADMIN: host.admin })
const ports = ['--listen', '127.0.0.1:0', '--admin', '127.0.0.1:0']
const journalFile = (directory: string, name: string) => join(directory, 'journal', name)
/** What only an operator is told. */
const place = /\.sst|journal\/|checksum|record \d|\bbyte/

Damage.before(() => filled(original.path))
Damage.after(() => original.remove())

/** Where RocksDB itself meets the damage, the host opens the journal anew (rocksdb.D4), and takes no calls for a moment. */
async function patiently<T>(ask: () => Promise<T>, right: (answer: T) => boolean): Promise<T> {
  for (let tries = 1; ; tries++) {
    const answer = await ask()
    if (right(answer) || tries === 200) return answer
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
}

/** What is refused as damaged; everything else is asserted to be what it was. */
async function refused(host: HostProcess): Promise<readonly string[]> {
  const client = new ScriptClient(host.listen)
  const bad: string[] = []
  const called = async (name: string, service: string, key: string, code: string, expected: string) => {
    const answer = await patiently(
      () => client.call(service, 'Do', key, code),
      ({ code }) => code !== 14,
    )
    if (answer.code === 0) assert.is(answer.text, expected, name)
    else {
      assert.is(answer.code, 15, answer.message)
      assert.match(answer.message, /is damaged/)
      assert.not.match(answer.message, place)
      bad.push(name)
    }
  }
  const asked = async (name: string, ask: () => ReturnType<typeof http>, expected: string) => {
    const { status, json, text } = await patiently(ask, (answer) => answer.status !== 503)
    if (status === 200) assert.is(json.value, expected, name)
    else {
      assert.is(status, 500, text)
      assert.match(text, /is damaged/)
      assert.not.match(text, place)
      bad.push(name)
    }
  }
  try {
    for (const key of keys) {
      await asked(`counter ${key}`, () => http(host.listen, 'GET', `/counter/${key}`), total)
      await asked(`once ${key}`, () => add(host, key, 1, { 'idempotency-key': `once ${key}` }), '1')
      await called(`value ${key}`, values, key, readValue, textOf(key))
      await called(`replica ${key}`, replicas, key, readReplica, String(amountOf(key) + 1))
    }
    for (const key of listened) {
      // Its stream ended with the host: the function hears so, and adds 100.
      await called(`stream ${key}`, replicas, key, readReplica, '101')
    }
  } finally {
    client.close()
  }
  return bad
}

/** Its storage id is that of the service. */
const of = (column: Parameters<typeof whatIs>[0], entity: string) => (key: Buffer) =>
  whatIs(column, key).entity === entity

Damage(
  '§storage-4: a damaged value refuses its entity, key, stream or effect, and nothing else; a snapshot is rebuilt',
  async () => {
    const { path, remove } = copied(original.path)
    let host: HostProcess | undefined
    try {
      await spoil(path, 'journal', of('journal', 'k03'))
      await spoil(path, 'bases', of('bases', 'k04'))
      await spoil(path, 'idempotency', (key) => key[0] !== 0xff && whatIs('idempotency', key).entity === 'k05')
      await spoil(path, 'snapshots', of('snapshots', 'k06'))
      await spoil(path, 'subscriptions', of('subscriptions', 's07'))
      let first = true
      await spoil(path, 'outbox', () => [first, (first = false)][0]!)

      const offline = await runInn(path, ['doctor', '--data', path])
      assert.is(offline.code, 1, offline.err)
      for (const told of [
        /examples\.counter\.v1\.Counter "k03": record \d/,
        /test\.script\.v1\.Values "k04": the base/,
        /examples\.counter\.v1\.Counter "k05": an idempotency key/,
        /examples\.counter\.v1\.Counter "k06": the snapshot at event \d/,
        /test\.script\.v1\.Replicas "s07": the open stream/,
        /outbox: effect \d+/,
      ])
        assert.match(offline.out, told)

      host = await hostProcess(path)
      const bad = await refused(host)
      // Small replicas have records and no base yet. A key refuses only the command that has it.
      assert.equal([...bad].sort(), ['counter k03', 'once k03', 'once k05', 'replica k03', 'stream s07', 'value k04'])
      assert.is((await http(host.admin, 'GET', '/v1/effects')).json.effects.length, effects - 1)

      for (const command of [
        ['state', counter, 'k03'],
        ['journal', counter, 'k03'],
        ['state', values, 'k04'],
        ['state', replicas, 'k03'],
      ]) {
        const { code, out, err } = await inn(host, ...command)
        assert.is(code, 1, out)
        assert.match(err, /is damaged.*\((record \d+|the base) in (journal|bases): /)
      }
      const listed = await inn(host, 'entities', values, '--prefix', 'k0')
      assert.match(listed.out, /k04 +damaged +the base in bases: /)
      assert.match(listed.out, /k05 +revision/)

      const met = await inn(host, 'doctor')
      assert.is(met.code, 1)
      assert.match(met.out, /Counter "k03": .*record \d+ in journal/)
      assert.match(met.out, /outbox: effect \d+: /)
      assert.match(host.output(), /record \d+ in journal/)
      assert.not.match(host.output(), /"stack"|\\n +at /)

      // The rest is written, too, also in one batch with what is damaged.
      const written = await Promise.all(keys.map((key) => add(host!, key, 1)))
      assert.equal(
        written.map(({ status }) => status),
        keys.map((key) => (key === 'k03' ? 500 : 200)),
      )
    } finally {
      await host?.kill()
      remove()
    }
  },
)

Damage(
  'a wrong bit in a table of any column: the rest is served as it was, or the start is refused in a sentence',
  async () => {
    let served = 0
    const seen = new Set<string>()
    for (const { file, column } of tables(original.path)) {
      if (seen.has(column)) continue
      seen.add(column)
      const { path, remove } = copied(original.path)
      flip(journalFile(path, basename(file)), 0.3)
      try {
        const host = await hostProcess(path)
        try {
          await refused(host)
          served += 1
          const fresh = await patiently(
            () => add(host, 'fresh', 1),
            ({ status }) => status !== 503,
          )
          assert.is(fresh.status, 200)
          assert.not.match(host.output(), /"stack"|\\n +at /)
        } finally {
          await host.kill()
        }
      } catch (error) {
        sentence((error as Error).message)
      } finally {
        remove()
      }
    }
    assert.ok(served > 2, `${served} of ${seen.size} columns were served`)
  },
)

/** `inn up` ended, and said what to do. */
function sentence(message: string): void {
  assert.match(message, /^inn up ended with 1: /)
  assert.not.match(message, /\n +at /)
  assert.match(message, /restore the (whole )?directory|start again/i, message)
}

/** A directory whose components are in at least 4 tables: so many on the first level are rewritten as soon as the database is open. How many a fill leaves
 *  depends on when RocksDB has time for that; so it is filled again where there are fewer. */
async function withManyTables() {
  const many = (path: string) => tables(path).filter(({ column }) => column === 'components')
  for (let tries = 0; tries < 8; tries++) {
    const other = tries === 0 ? undefined : temporary()
    const path = other?.path ?? original.path
    if (other !== undefined) await filled(path)
    const rewritten = many(path)
    if (rewritten.length >= 4) return { path, rewritten, leave: () => other?.remove() }
    other?.remove()
  }
  throw new Error('no fill left as many tables')
}

Damage(
  'a table that RocksDB rewrites while the host starts: the start takes a new journal beside it, and serves the rest (rocksdb.D4)',
  async () => {
    const { path: crowded, rewritten, leave } = await withManyTables()
    let [frozen, served] = [0, 0]
    for (const { file } of rewritten) {
      for (const part of [0.05, 0.5]) {
        const { path, remove } = copied(crowded)
        flip(journalFile(path, basename(file)), part)
        let host: HostProcess | undefined
        try {
          host = await hostProcess(path)
        } catch (error) {
          // Where the bit lies in what a table is opened by, the start is refused.
          sentence((error as Error).message)
        }
        try {
          if (host === undefined) continue
          served += 1
          // All of it once; of the others that they take what is written.
          if (served === 1) await refused(host)
          const taken = () => add(host!, 'fresh', 1)
          assert.is((await patiently(taken, ({ status }) => status !== 503)).status, 200)
          frozen += Number(existsSync(join(path, 'frozen-1')))
        } finally {
          await host?.kill()
          remove()
        }
      }
    }
    leave()
    assert.ok(served >= rewritten.length / 2, `${served} of ${2 * rewritten.length} starts served`)
    assert.ok(frozen > 0, 'none was rewritten')
  },
)

Damage(
  'a file of the database that is spoiled or gone: served whole, or a sentence; put back, all is there',
  async () => {
    const { path, remove } = copied(original.path)
    // A first start makes the copy a replica of its own, and notes how long its manifest is.
    const first = await hostProcess(path)
    assert.match(first.output(), /copied or restored: it is a new replica now/)
    const noted = () => isDeepStrictEqual(readMarker(path).manifest, manifestOf(join(path, 'journal')))
    while (!noted()) await new Promise((resolve) => setTimeout(resolve, 50))
    await first.kill()
    // Where a manifest is cut RocksDB deletes tables; so what is put back is looked at in full.
    const manifest = manifestOf(join(path, 'journal'))!.name
    const size = statSync(journalFile(path, manifest)).size
    const spoiled: readonly (readonly [name: string, refusal: RegExp, spoil: (file: string) => void])[] = [
      ['CURRENT', /CURRENT is missing/, (file) => rmSync(file)],
      ['CURRENT', /restore the directory/, (file) => writeFileSync(file, 'garbage')],
      ['CURRENT', /MANIFEST-000099 is missing/, (file) => writeFileSync(file, 'MANIFEST-000099\n')],
      [manifest, /is missing/, (file) => rmSync(file)],
      [manifest, /was cut: it has \d+ bytes/, (file) => truncateSync(file, size - 10)],
      [manifest, /was cut: it has 0 bytes/, (file) => truncateSync(file, 0)],
    ]
    try {
      for (const [name, refusal, spoil] of spoiled) {
        const file = journalFile(path, name)
        const before = readdirSync(join(path, 'journal')).filter((one) => one.endsWith('.sst'))
        copyFileSync(file, join(path, 'kept'))
        spoil(file)
        const { code, err } = await runInn(path, ['up', '--data', path, ...ports])
        assert.is(code, 1, `${name}: ${err}`)
        assert.match(err, refusal)
        assert.not.match(err, /\n +at /)
        for (const table of before)
          assert.ok(readdirSync(join(path, 'journal')).includes(table), `${table} was deleted`)
        rmSync(file, { force: true })
        renameSync(join(path, 'kept'), file)
      }
      checkManifest(path, join(path, 'journal'))
      // The lock has no data: it is made anew.
      for (const name of readdirSync(join(path, 'lock')))
        if (statSync(join(path, 'lock', name)).size > 3) flip(join(path, 'lock', name), 0.5)
      const host = await hostProcess(path)
      assert.equal(await refused(host), [])
      assert.not.match(host.output(), /replica now|"stack"/)
      await host.kill()
    } finally {
      remove()
    }
  },
)

Damage(
  '§storage-5: a log that is cut anywhere after kill -9: nothing that was noted is missing without a sentence',
  async () => {
    const { path, remove } = temporary()
    const { file } = await component('counter/assemblyscript')
    const acknowledged = 40
    let host: HostProcess | undefined
    try {
      host = await hostProcess(path, [file])
      for (let n = 0; n < acknowledged; n++) assert.is((await add(host, 'one', 1)).status, 200)
      const last = Number(JSON.parse((await inn(host, 'state', counter, 'one', '--json')).out).sequence)
      assert.is(last, acknowledged)
      // One commit an add, and those of the deployment.
      while (readMarker(path).commit < acknowledged) await new Promise((resolve) => setTimeout(resolve, 20))
      const noted = readMarker(path).commit

      const busy = await runInn(path, ['doctor', '--data', path])
      assert.is(busy.code, 1)
      assert.match(busy.err, /is in use by another process; stop that host/)
      await host.kill()
      host = undefined

      const [log] = readdirSync(join(path, 'journal'))
        .filter((name) => name.endsWith('.log'))
        .sort()
        .reverse()
      const whole = readFileSync(journalFile(path, log!))
      const cuts = [0, 1, 7, 8, ...Array.from({ length: 6 }, (_, at) => Math.floor((whole.length * (at + 1)) / 7))]
      // A start replays the log, so each has the journal as the kill left it; `replica` stays the file that it is.
      const kept = join(path, 'kept')
      cpSync(join(path, 'journal'), kept, { recursive: true })
      const putBack = () => {
        rmSync(join(path, 'journal'), { recursive: true })
        cpSync(kept, join(path, 'journal'), { recursive: true })
      }
      let missing = 0
      for (const cut of [...cuts, whole.length - 1]) {
        putBack()
        truncateSync(journalFile(path, log!), cut)
        const { code, err } = await runInn(path, ['up', '--data', path, ...ports])
        assert.is(code, 1, `cut at ${cut} of ${whole.length}`)
        const [, commits, , was] =
          /(\d+) acknowledged commits? (?:is|are) missing: the journal ends at commit (\d+), and commit (\d+) was written/.exec(
            err,
          ) ?? []
        assert.ok(Number(commits) > 0, err)
        assert.is(Number(was), noted)
        assert.match(err, /Restore the whole directory from a backup/)
        assert.not.match(err, /\n +at /)
        missing = Math.max(missing, Number(commits))
      }
      putBack()
      assert.ok(missing >= acknowledged, `at most ${missing} were missing`)

      host = await hostProcess(path)
      assert.is((await http(host.listen, 'GET', '/counter/one')).json.value, String(acknowledged))
      assert.not.match(host.output(), /replica now/)
    } finally {
      await host?.kill()
      remove()
    }
  },
)

Damage(
  'scrubbing.B2: inn up --scrub finds what nobody asked for: in the log, the metrics, the admin API and inn doctor',
  async () => {
    const { path, remove } = copied(original.path)
    let host: HostProcess | undefined
    try {
      await spoil(path, 'bases', of('bases', 'k11'))
      host = await hostProcess(path, ['--scrub'])
      for (;;) {
        const { rounds } = (await http(host.admin, 'GET', '/v1/doctor')).json
        if (rounds > 0) break
        await new Promise((resolve) => setTimeout(resolve, 50))
      }
      const { code, out } = await inn(host, 'doctor')
      assert.is(code, 1)
      assert.match(out, /Values "k11": the base: /)
      assert.match(out, /1 round through the store, \d+ values read, .*; 1 finding\./)
      assert.match((await http(host.admin, 'GET', '/metrics')).text, /^innkeeper_scrub_findings 1$/m)
      assert.match(host.output(), /scrubbing found damage/)
      assert.not.match(host.output(), /"stack"/)
    } finally {
      await host?.kill()
      remove()
    }
  },
)

Damage(
  'an artefact or a component that is damaged: the service is refused by name, or made anew, and the others serve',
  async () => {
    const { path, remove } = copied(original.path)
    let host: HostProcess | undefined
    try {
      await spoil(path, 'components', (key) => /^(artefact|module)/.test(key.toString()))
      host = await hostProcess(path)
      assert.equal(await refused(host), [])
      assert.not.match(host.output(), /"stack"/)
      await host.kill()

      const { bytes, file } = await component('counter/assemblyscript')
      const hash = createHash('sha256').update(bytes).digest('hex')
      // Its routes are known by the head of its artefact.
      await spoil(path, 'components', (key) => /^(component|module)/.test(`${key}`) && `${key}`.includes(hash))
      host = await hostProcess(path)
      const get = await http(host.listen, 'GET', '/counter/k01')
      assert.is(get.status, 503, get.text)
      assert.match(
        get.text,
        /Counter is deployed, but this host cannot run its component; `inn services` shows the reason and the remedy/,
      )
      const client = new ScriptClient(host.listen)
      assert.is((await client.call(values, 'Do', 'k01', readValue)).text, textOf('k01'))
      client.close()
      const { out } = await inn(host, 'services')
      assert.match(out, /not served: examples\.counter\.v1\.Counter \(deployment 1\): .*deploy/)
      assert.not.match(host.output(), /"stack"/)
      // The file that it came from is outside of the directory.
      const again = await inn(host, 'deploy', file)
      assert.is(again.code, 0, again.err)
      assert.equal(await refused(host), [])
    } finally {
      await host?.kill()
      remove()
    }
  },
)

Damage.run()
