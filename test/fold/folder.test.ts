// Guards folding off the loop: it finds what the entity itself would, in the order of asking, and is ended wherever it is.

import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { systemClock } from '../../host/clock.ts'
import { FoldedState } from '../../host/entity/folded-state.ts'
import { ReadingCost } from '../../host/entity/reading-cost.ts'
import { Folder } from '../../host/fold/folder.ts'
import type { Artefact } from '../../host/guest/artefact.ts'
import { load } from '../../host/guest/load.ts'
import type { EntityRef, Journal } from '../../host/journal/journal.ts'
import { defaultLimits } from '../../host/limits.ts'
import { assemblyScriptCounter } from '../support/guests.ts'
import { guestArtefact } from '../support/hostile.ts'
import { commit, record } from '../support/journal.ts'
import { linked } from '../support/linked.ts'
import { memoryStore } from '../support/store.ts'

const Folding = suite('folder')

const limits = { ...defaultLimits, replayEventsMax: 4 }
const made = await linked(await assemblyScriptCounter(), defaultLimits)
if (!made.ok) throw new Error(made.reasons.join('; '))
const counter = made.artefact
const hour = 3_600_000

const entityOf = (key: string): EntityRef => ({ storage: 1, key })
const taskOf = (key: string, at?: number) => ({ service: 's', id: key, entity: entityOf(key), stateVersion: 'v', at })

/** Each of these has so many events, which add 1, 2, 3 and so on. */
async function stored(events: Readonly<Record<string, number>>): Promise<Journal> {
  const { journal } = memoryStore()
  for (const [key, count] of Object.entries(events))
    for (let at = 1; at <= count; at++) {
      const event = { typeName: 'test.Added', data: Uint8Array.of(at, 0, 0, 0) }
      await commit(journal, (batch) => batch.append(entityOf(key), { ...record(at, at, []), events: [event] }))
    }
  return journal
}

/** As an entity that wakes up finds it. */
function awake(artefact: Artefact, journal: Journal, key: string): object {
  const state = new FoldedState(
    {
      ...{ guest: load(artefact, limits).eventSourced!, journal, limits, cost: new ReadingCost(limits) },
      ...taskOf(key),
      ...{ replayed() {}, snapshotLoaded() {} },
    },
    taskOf(key),
  )
  while (!state.ready) state.step()
  const { revision, sequence } = state
  return { kind: 'folded', revision, sequence, state: new Uint8Array(state.encoded()!) }
}

async function folding(artefact: Artefact, journal: Journal, use: (folder: Folder) => Promise<void>): Promise<void> {
  const folder = new Folder(artefact, journal, limits, hour, systemClock)
  try {
    await use(folder)
  } finally {
    folder.close()
  }
}

Folding('fold-thread.T2: it finds what an entity that wakes up does, and a prefix what that was', async () => {
  const journal = await stored({ a: 11 })
  journal.putSnapshot(entityOf('a'), {
    revision: 3,
    sequence: 3,
    stateVersion: 'v',
    state: Uint8Array.of(6, 0, 0, 0, 0, 0, 0, 0),
  })
  const expected = awake(counter, journal, 'a')
  await folding(counter, journal, async (folder) => {
    const {
      unwritten: _,
      units: _units,
      given: _given,
      ...found
    } = (await folder.fold(taskOf('a')))! as never as Record<string, unknown>
    assert.equal(found, expected)
    const before = await folder.fold(taskOf('a', 5))
    assert.ok(before?.kind === 'folded')
    assert.equal([before.sequence, before.state], [5, Uint8Array.of(15, 0, 0, 0, 0, 0, 0, 0)])
  })
})

Folding('folder.R1: tasks run one after the other, in the order of asking', async () => {
  const journal = await stored({ a: 30, b: 30, c: 30 })
  const asked: string[] = []
  const { events } = journal
  journal.events = (entity, ...rest) => {
    asked.push(entity.key)
    return events.call(journal, entity, ...rest)
  }
  const answered: string[] = []
  await folding(counter, journal, async (folder) => {
    const answer = async (key: string) => {
      assert.is((await folder.fold(taskOf(key)))?.kind, 'folded')
      answered.push(key)
    }
    await Promise.all(['b', 'a', 'c'].map(answer))
  })
  assert.equal(answered, ['b', 'a', 'c'])
  assert.ok(asked.length > 6, 'each takes several pages')
  assert.equal(
    asked,
    [...asked].sort((x, y) => 'bac'.indexOf(x) - 'bac'.indexOf(y)),
  )
})

const endless = await guestArtefact({ others: { value: '(loop $l (br $l)) (unreachable)' } })
const forLong = { ...limits, fuelPerCommand: 1e11, fuelPerCallMax: 1e11 }
const command = { method: 'M', payload: new Uint8Array(), metadata: [], nowMs: 0, seed: new Uint8Array(16) }
const looping = { service: 's', id: 'a', basis: { kind: 'absent' }, commands: [command] } as const

Folding(
  'folder.R1: past the deadline a function is ended wherever it is, and nothing is answered any more',
  async () => {
    const folder = new Folder(endless, await stored({}), forLong, 50, systemClock)
    const answers = await Promise.all([folder.probe(looping), folder.fold(taskOf('a'))])
    assert.equal([...answers, await folder.fold(taskOf('a'))], [undefined, undefined, undefined])
  },
)

Folding('folder.R1: so it is by closing it', async () => {
  const folder = new Folder(endless, await stored({}), forLong, hour, systemClock)
  const answers = [folder.probe(looping), folder.fold(taskOf('a'))]
  folder.close()
  assert.equal([...(await Promise.all(answers)), await folder.fold(taskOf('a'))], [undefined, undefined, undefined])
})

Folding('folder.R2: where the thread fails by itself, the tasks reject', async () => {
  const odd = { ...counter, modules: counter.modules.map(() => Buffer.from('no module')) }
  await folding(odd, await stored({ a: 1 }), async (folder) => {
    for (let task = 0; task < 2; task++) {
      const failed = await folder.fold(taskOf('a')).then(
        () => undefined,
        (error: Error) => error.message,
      )
      assert.match(failed ?? '', /WebAssembly/)
    }
  })
})

Folding.run()
