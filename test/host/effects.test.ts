// Guards side effects against crashes: killed between the commit and its effects, a host loses none and doubles none.

import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { fixture } from '../support/components.ts'
import type { HostProcess } from '../support/host.ts'
import { hostProcess, http, temporary } from '../support/host.ts'

const Effects = suite('effects and crashes')
const rounds = 6

Effects('§effect-1, outbox.O2: after kill -9 under load every recorded cause has its effect, once', async () => {
  const { file } = await fixture('odd')
  const data = temporary()
  let host: HostProcess | undefined
  try {
    host = await hostProcess(data.path, [file])
    for (let round = 0; round < rounds; round++) {
      const running = host
      // After so much work, however long that takes here.
      let left = 20 + round
      let worked = () => {}
      const enough = new Promise<void>((resolve) => {
        worked = resolve
      })
      const load = Array.from({ length: 8 }, async (_, worker) => {
        for (let index = 0; ; index++) {
          const id = `cause-${worker}-${index % 5}`
          const answer = await http(running.listen, 'POST', `/odd/${id}/do`, {
            what: index % 2 ? 'effect' : 'wait',
            amount: 1,
            other: 'target',
          }).catch(() => undefined)
          if (answer === undefined) return
          left -= 1
          if (left === 0) worked()
        }
      })
      await enough
      await host.kill()
      await Promise.all(load)
      host = await hostProcess(data.path)
      await settled(host)
      assert.is(await total(host, 'target'), await causes(host), `after crash ${round + 1}`)
    }
    assert.ok((await total(host, 'target')) > 50, 'the test did not load the host')
  } finally {
    await host?.kill()
    data.remove()
  }
})

Effects.run()

const service = 'test.odd.v1.Odd'

/** All waiting effects have arrived. */
async function settled(host: HostProcess): Promise<void> {
  for (let tries = 0; tries < 6_000; tries++) {
    const { effects } = (await http(host.admin, 'GET', '/v1/effects')).json
    if (effects.length === 0) return
    assert.equal(
      effects.filter((effect: { parked: string | null }) => effect.parked !== null),
      [],
    )
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
  assert.unreachable('effects are still waiting')
}

async function total(host: HostProcess, id: string): Promise<number> {
  return Number((await http(host.listen, 'POST', `/odd/${id}/do`, { what: 'read' })).json.total)
}

/** Events of all entities that caused effects, from their journals. */
async function causes(host: HostProcess): Promise<number> {
  const { entities } = (await http(host.admin, 'GET', `/v1/services/${service}/entities?prefix=cause-&limit=1000`)).json
  return entities.reduce((sum: number, entity: { sequence: number }) => sum + entity.sequence, 0)
}
