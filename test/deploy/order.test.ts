// Guards the order of a deployment: what is linked at once, what comes one after the other, and when the directory changes.

import { availableParallelism } from 'node:os'
import pino from 'pino'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { nextTurn, systemClock } from '../../host/clock.ts'
import { Deployer, type DeployResult } from '../../host/deploy/deploy.ts'
import { storedIn } from '../../host/journal/stored.ts'
import { defaultLimits } from '../../host/limits.ts'
import type { LinkResult } from '../../host/link/link.ts'
import { Services } from '../../host/services.ts'
import { eventually } from '../support/ingress.ts'
import { linked } from '../support/linked.ts'
import { actions, replicas, scripted, values } from '../support/scripted.ts'
import { skip } from '../support/skip.ts'
import { memoryStore } from '../support/store.ts'

const Order = suite('order of a deployment')

const first = await scripted()
const second = await scripted((text) => `${text}\n// the next version`)
const all = [actions, replicas, values].sort()

/** A deployer whose linking the test ends, and what it did to the catalog and the directory. */
function scene() {
  const store = memoryStore()
  const { catalog } = store
  const services = new Services()
  const told: string[] = []
  const versions = () =>
    [...services.current.services.values()].map(({ name, deployment }) => `${name} ${deployment}`).sort()
  services.onChange(() => told.push(`serves ${versions().join()}`))
  const { deploy } = catalog
  catalog.deploy = (deployment) => {
    deploy.call(catalog, deployment)
    told.push(`keeps ${deployment.number}`)
  }
  const under: { readonly component: Uint8Array; end(): Promise<void> }[] = []
  const link = (component: Uint8Array) =>
    new Promise<LinkResult>((resolve) => {
      const end = async () => resolve(await linked(component, defaultLimits))
      under.push({ component, end })
    })
  const deployer = new Deployer({
    ...{ catalog, services, link, clock: systemClock, limits: defaultLimits, log: pino({ level: 'silent' }) },
    journal: storedIn(store.journals),
  })
  return { catalog, deployer, services, told, under, versions }
}

const of = (number: number) => all.map((name) => `${name} ${number}`)
const numberOf = (result: DeployResult) => (result.ok ? result.deployment : result.reasons)

Order('deploy.D2: all services change at once, when the deployment is kept', async () => {
  const { deployer, told, under } = scene()
  for (const component of [first, second]) {
    const deployed = deployer.deploy(component)
    await eventually(() => under.length > 0)
    await under.shift()!.end()
    await deployed
  }
  assert.equal(told, ['keeps 1', `serves ${of(1)}`, 'keeps 2', `serves ${of(2)}`])
})

Order('deploy.D2: where it cannot be kept, what was served is served', async () => {
  const { catalog, deployer, under, versions } = scene()
  const deployed = deployer.deploy(first)
  await eventually(() => under.length > 0)
  await under.shift()!.end()
  await deployed
  catalog.deploy = () => {
    throw new Error('the disk is full')
  }
  const next = deployer.deploy(second)
  await eventually(() => under.length > 0)
  await under.shift()!.end()
  assert.is(await next.catch(({ message }: Error) => message), 'the disk is full')
  assert.equal(versions(), of(1))
})

const together = 'deploy.D3: components are linked side by side, and switched in the order of asking'
const inOrder = async () => {
  const { deployer, under, versions } = scene()
  const deployed = [deployer.deploy(first), deployer.deploy(second)]
  await eventually(() => under.length === 2)
  const [one, other] = under[0]!.component === first ? [under[0]!, under[1]!] : [under[1]!, under[0]!]
  await other.end()
  for (let turn = 0; turn < 20; turn++) await nextTurn(systemClock)
  assert.equal(versions(), [], 'the second waits for the first')
  await one.end()
  assert.equal((await Promise.all(deployed)).map(numberOf), [1, 2])
  assert.equal(versions(), of(2))
}

// Linked side by side are as many as there are cores (artefacts.K1).
if (availableParallelism() > 1) Order(together, inOrder)
else skip(Order, together, 'one core')

Order.run()
