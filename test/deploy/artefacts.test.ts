// Guards when components are linked: so many at once, and again for another version of the engine.

import { availableParallelism } from 'node:os'
import pino from 'pino'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { nextTurn, systemClock } from '../../host/clock.ts'
import { Artefacts, type ArtefactsParts } from '../../host/deploy/artefacts.ts'
import type { Artefact } from '../../host/guest/artefact.ts'
import { defaultLimits } from '../../host/limits.ts'
import { digest } from '../../host/link/digest.ts'

const component = Buffer.from('a component')
const hash = await digest(component)

/** Linking that the test ends, and a catalog with artefacts by the engine that they were made for. */
function scene(engines: readonly string[]) {
  const under: (() => void)[] = []
  const stored: Artefact[] = []
  const artefact = { contentHash: hash } as unknown as Artefact
  const catalog = {
    artefact: (_hash: string, engine: string) => (engines.includes(engine) ? artefact : stored[0]),
    component: () => component,
    putArtefact: async (made: Artefact) => void stored.push(made),
  }
  const link = () => new Promise((resolve) => under.push(() => resolve({ ok: true, artefact })))
  const common = { clock: systemClock, limits: defaultLimits, log: pino({ level: 'silent' }) }
  const artefacts = new Artefacts({ ...common, catalog, link } as unknown as ArtefactsParts)
  return { artefacts, under, stored }
}

/** Whatever can begin without another end has begun. */
async function turns(): Promise<void> {
  for (let turn = 0; turn < 5; turn++) await nextTurn(systemClock)
}

const Linking = suite('artefacts')

Linking('artefacts.K1: so many components are linked at once as there are cores, up to four', async () => {
  const { artefacts, under } = scene([])
  const all = Array.from({ length: 9 }, () => artefacts.of(component, hash))
  const most = Math.min(4, availableParallelism())
  for (let ended = 0; ended < all.length; ended++) {
    await turns()
    assert.is(under.length, Math.min(most, all.length - ended))
    under.shift()!()
  }
  await Promise.all(all)
})

Linking('artefacts.K2: what is stored for another engine is made again of its component, and kept', async () => {
  const { artefacts, under, stored } = scene(['another'])
  const made = artefacts.stored(hash)
  while (under.length === 0) await turns()
  under.shift()!()
  assert.ok((await made) === stored[0])
  await artefacts.stored(hash)
  assert.is(under.length, 0)
})

Linking.run()
