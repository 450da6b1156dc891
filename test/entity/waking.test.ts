// Guards who is woken after a start: entities with open streams whose functions may run.

import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { systemClock } from '../../host/clock.ts'
import { wakeMax, wakeSubscribed } from '../../host/entity/waking.ts'
import type { EntityRef } from '../../host/journal/journal.ts'
import type { ReplicatedService } from '../../host/services.ts'

const Waking = suite('waking')

Waking(
  'waking.W2: all that were left with open streams are woken, but not of a service that does not run',
  async () => {
    const refs = Array.from({ length: 3 * wakeMax }, (_, at): EntityRef => ({ storage: at % 3, key: `${at}` }))
    const journal = {
      subscribed(after: EntityRef | undefined, max: number) {
        const from = after === undefined ? 0 : refs.indexOf(after) + 1
        return refs.slice(from, from + max)
      },
    }
    const served = (name: string) => ({ name }) as unknown as ReplicatedService
    const keepers = new Map([
      [0, served('zero')],
      [2, served('two')],
    ])
    const woken: string[] = []
    const wake = ({ name }: ReplicatedService, { key }: EntityRef) => void woken.push(`${name} ${key}`)
    await wakeSubscribed([journal], keepers, wake, () => false, systemClock)
    const wanted = refs.filter(({ storage }) => storage !== 1)
    assert.equal(
      woken,
      wanted.map(({ storage, key }) => `${storage === 0 ? 'zero' : 'two'} ${key}`),
    )
  },
)

Waking.run()
