// Guards upgrades of values: a version that cannot read what an earlier one stored is refused, one that can is not.

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { DeployResult } from '../../host/deploy/deploy.ts'
import { sampleOf } from '../../host/deploy/stored/sample.ts'
import { type Prober, tryValues } from '../../host/deploy/stored/values.ts'
import { toldFault } from '../../host/fold/fold-task.ts'
import { GuestFault } from '../../host/guest/guest.ts'
import { load } from '../../host/guest/load.ts'
import { defaultLimits } from '../../host/limits.ts'
import { link } from '../../host/link/link.ts'
import { loadSchema } from '../../host/schema/load.ts'
import { buildProject } from '../../sdk/build/build.ts'
import { http, temporary, testHost } from '../support/host.ts'
import { commit } from '../support/journal.ts'
import { withProject } from '../support/project.ts'
import { scripted, values } from '../support/scripted.ts'
import { memoryStore } from '../support/store.ts'

const Stored = suite('stored values')

/** The scripted guest with a sentence before it looks at its commands, and one before each of them. */
const bytes = await scripted((source) =>
  [
    ['decide(_service, entity, basis, commands) {', 'decide(service, entity, basis, commands) {'],
    [
      'const decisions = commands.map(({ method, payload, metadata, nowMs }) => {',
      `const bad = now !== undefined && /^old/.test(now)
       if (service === 'eager' && bad) throw new Error('not mine')
       const decisions = commands.map(({ method, payload, metadata, nowMs }) => {
         if (service === 'lazy' && bad && method === 'Do') throw new Error('not mine')
         if (service === 'lazy fuel' && bad) for (;;);
         if (service === 'picky') throw new Error('never empty')
         if (service === 'blunt' && now !== undefined) throw new Error('only new ones')`,
    ],
    ['run(code, {', "run(code || 'return { outcome: say(1) }', {"],
  ].reduce((text, [from, to]) => {
    if (!text.includes(from!)) throw new Error(`the scripted guest has no ${from}`)
    return text.replace(from!, to!)
  }, source),
)
const linked = await link(bytes, defaultLimits)
if (!linked.ok) throw new Error(linked.reasons.join('; '))
const guest = load(linked.artefact, { ...defaultLimits, fuelPerCommand: 10_000_000 }).value!
const type = loadSchema(linked.artefact.description.descriptors).services.get(values)!

/** A version of it. */
function version(name: string): Prober {
  return async (entity, basis, commands) => {
    try {
      guest.decide(name, entity, basis, commands)
      return null
    } catch (error) {
      if (error instanceof GuestFault) return toldFault(error)
      throw error
    }
  }
}

interface Tried {
  readonly next: string
  /** Versions by the numbers of their deployments; 1 stored the values. */
  readonly before?: Readonly<Record<number, string>>
  readonly stored: Readonly<Record<string, string | undefined>>
  readonly keyFieldCount?: number
}

async function reasonsFor({ next, before = { 1: 'fine' }, stored, keyFieldCount = 1 }: Tried): Promise<string[]> {
  const { journal } = memoryStore()
  await commit(journal, (batch) => {
    for (const [key, value] of Object.entries(stored)) {
      const state = value === undefined ? undefined : Buffer.from(value)
      batch.keep({ storage: 7, key }, 0, { revision: 1, deployment: 1, nowMs: 1, state }, [])
    }
  })
  const of = async (deployment: number) => {
    const name = before[deployment]
    return name === undefined ? undefined : version(name)
  }
  const sample = sampleOf(journal, 7)
  const trial = await tryValues(
    { journal, storage: 7, keyFieldCount, nowMs: 1, sample },
    { type, next: version(next), of },
  )
  assert.is(trial.tried, sample.length)
  return [...trial.reasons].sort()
}

const stored = { a: 'new', b: 'old', c: undefined, 'd "e"': 'old' }

for (const next of ['eager', 'lazy', 'lazy fuel']) {
  Stored(
    `values.S1: a version that cannot read a value, ${next}, has a reason for each, naming the entity`,
    async () => {
      const reasons = await reasonsFor({ next, stored })
      assert.is(reasons.length, 2, reasons.join('\n'))
      assert.match(reasons[0]!, /^test.script.v1.Values: the value of "b" was stored by an earlier version/)
      assert.match(reasons[0]!, /cannot be read by this one \((trap|fuel): .*; --force overrides\)$/)
      assert.match(reasons[1]!, /the value of "d \\"e\\"" was stored/)
    },
  )
}

Stored('values.S1: a version that reads them all, and a service that stores nothing, have none', async () => {
  assert.equal(await reasonsFor({ next: 'fine', stored }), [])
  assert.equal(await reasonsFor({ next: 'eager', stored: {} }), [])
  assert.equal(await reasonsFor({ next: 'eager', stored: { a: undefined } }), [])
})

Stored('values.S2: a method that fails on an empty request, with a value or without, is no reason', async () => {
  assert.equal(await reasonsFor({ next: 'picky', stored }), [])
})

Stored(
  'values.S2: what fails in the version that stored the value, too, is no reason; in another it counts',
  async () => {
    assert.is((await reasonsFor({ next: 'blunt', stored })).length, 3)
    assert.equal(await reasonsFor({ next: 'blunt', stored, before: { 1: 'blunt' } }), [])
    assert.is((await reasonsFor({ next: 'blunt', stored, before: { 1: 'fine', 2: 'blunt' } })).length, 3)
    assert.is((await reasonsFor({ next: 'blunt', stored, before: {} })).length, 3, 'nobody to ask')
  },
)

Stored('events.E1: the largest, the oldest and the last changed entities are the sample, in turn', async () => {
  const { journal } = memoryStore()
  for (let index = 0; index < 100; index++) {
    await commit(journal, (batch) => {
      const state = Buffer.alloc(index >= 40 && index < 60 ? 1_000 + index : 10)
      batch.keep({ storage: 7, key: `e${index}` }, 0, { revision: 1, deployment: 1, nowMs: 1, state }, [])
      batch.keep({ storage: 8, key: `other${index}` }, 0, { revision: 1, deployment: 1, nowMs: 1, state }, [])
    })
  }
  const sample = sampleOf(journal, 7)
  const expected = Array.from({ length: 20 }, (_, at) => [`e${59 - at}`, `e${99 - at}`, `e${at}`])
  assert.equal(sample, expected.flat())
})

Stored('an entity of several key fields is named as callers name it', async () => {
  const [reason] = await reasonsFor({ next: 'eager', stored: { 'a\0\0b': 'old' }, keyFieldCount: 2 })
  assert.match(reason!, /the value of "a-b" /)
})

function reasonsOf(result: DeployResult): readonly string[] {
  return result.ok ? [] : result.reasons
}

/** The template as a service that keeps a value, in one encoding or another. */
function tally(keeping: string): Promise<Uint8Array> {
  const service = `import { accept, json, update, value } from '@innkeeper/sdk'
import { Tally, Value } from './gen/tally.ts'

void json
export default value(Tally, {
  value: ${keeping},
  decide: {
    add: (current, { amount }) => {
      const total = { value: BigInt(current?.value ?? 0) + amount }
      return update(${keeping === 'Value' ? 'total' : '{ value: String(total.value) }'}).reply(() => total)
    },
    get: (current) => accept().reply(() => ({ value: BigInt(current?.value ?? 0) })),
  },
})
`
  return withProject({ 'src/service.ts': service }, async (folder) => {
    const { file } = await buildProject(folder, { out: join(folder, 'tally.wasm') })
    return readFileSync(file)
  })
}

Stored('a value that the SDK keeps as JSON is none for a version that keeps a message; --force overrides', async () => {
  const [before, after] = [await tally('json<{ value: string }>()'), await tally('Value')]
  const data = temporary()
  const host = await testHost(data.path)
  try {
    assert.ok((await host.deployer.deploy(before)).ok)
    assert.is((await http(host.listen, 'POST', '/tally/a/add', { amount: 5 })).status, 200)
    assert.match(reasonsOf(await host.deployer.deploy(after)).join(), /^tally.v1.Tally: the value of "a" was stored/)
    assert.is((await http(host.listen, 'GET', '/tally/a')).json.value, '5', 'the version before goes on')
    assert.ok(host.deployer.undeploy('tally.v1.Tally'))
    const dry = await host.deployer.deploy(after, { dryRun: true })
    assert.is(reasonsOf(dry).length, 1, 'what was undeployed has its values still')
    assert.ok((await host.deployer.deploy(after, { force: true })).ok)
    assert.is((await http(host.listen, 'GET', '/tally/a')).status, 500)
    assert.ok((await host.deployer.deploy(before)).ok, 'back to the version that stored it')
    assert.is((await http(host.listen, 'GET', '/tally/a')).json.value, '5')
  } finally {
    await host.stop()
    data.remove()
  }
})

Stored.run()
