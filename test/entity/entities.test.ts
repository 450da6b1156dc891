// Guards which activation a command comes to: one for each entity, and a fresh one where the first was given up.

import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { systemClock } from '../../host/clock.ts'
import type { Answer, Command } from '../../host/command.ts'
import { Activation } from '../../host/entity/activation.ts'
import type { Used } from '../../host/entity/by-use.ts'
import { Entities } from '../../host/entity/entities.ts'
import type { Limits } from '../../host/limits.ts'
import { defaultLimits } from '../../host/limits.ts'
import { Metrics } from '../../host/observe/metrics.ts'
import type { EntityService } from '../../host/services.ts'
import type { Turns } from '../../host/turns.ts'
import { WaitingBudget } from '../../host/waiting-budget.ts'

const serviceOf = (storage: number, name = `s${storage}`) =>
  ({ kind: 'value', name, storage, deployment: 1, keyFieldCount: 1 }) as unknown as EntityService

/** Entities whose turns nobody gives: what they would be given waits in their mailboxes. */
class Scene {
  readonly entities: Entities
  readonly answers: string[] = []
  readonly keepers = new Map<number, EntityService>()
  /** Those that asked for a turn, once each, in the order of asking first. */
  private readonly asked = new Set<Activation>()

  constructor(limits: Partial<Limits> = {}) {
    const partition = {}
    const context = {
      ...{
        clock: systemClock,
        limits: { ...defaultLimits, ...limits },
        metrics: new Metrics(),
        settings: { passivateAfterMs: 1e9 },
      },
      ...{
        waiting: new WaitingBudget(defaultLimits),
        services: { keeper: (storage: number) => this.keepers.get(storage) },
      },
    }
    const turns = {
      again: (activation: Activation) => void this.asked.add(activation),
      during: (_activation: Activation, work: () => void) => work(),
    }
    this.entities = new Entities(
      context as unknown as ConstructorParameters<typeof Entities>[0],
      { all: [partition], ofEntity: () => partition } as unknown as ConstructorParameters<typeof Entities>[1],
      turns as unknown as Turns,
    )
  }

  put(service: EntityService, key: string, requestId: string): void {
    const command = { requestId, metadata: [], payload: new Uint8Array() } as unknown as Command
    const reply = (answer: Answer) =>
      void this.answers.push(`${requestId} ${answer.kind === 'error' ? answer.error.code : answer.kind}`)
    this.entities.put(service, key, command, reply)
  }

  /** What waits, by storage and key, of each activation that asked for a turn. */
  lines(): readonly string[] {
    return [...this.asked].flatMap((activation) => {
      const { storage, key } = activation.entity
      const line: string[] = []
      for (let work = activation.mailbox.take(); work !== undefined; work = activation.mailbox.take())
        line.push(work.kind === 'command' ? work.command.requestId : work.kind)
      return line.length === 0 ? [] : [`${storage} ${key}: ${line.join(' ')}`]
    })
  }
}

const Activations = suite('activations')

Activations('entities.N1: each key of each storage id has one activation, and its commands wait there in order', () => {
  const scene = new Scene()
  for (const requestId of ['1', '2', '3'])
    for (const storage of [1, 2]) for (const key of ['a', 'b']) scene.put(serviceOf(storage), key, requestId)
  assert.is(scene.entities.activations, 4)
  assert.equal(scene.lines(), ['1 a: 1 2 3', '1 b: 1 2 3', '2 a: 1 2 3', '2 b: 1 2 3'])
})

Activations('entities.N1: nor has the entity another one under another name of its service', () => {
  const scene = new Scene()
  scene.put(serviceOf(1, 'before'), 'a', '1')
  scene.put(serviceOf(1, 'after'), 'a', '2')
  assert.equal(scene.lines(), ['1 a: 1 2'])
})

Activations('entities.N5: where one is given up what waits goes on in order, with what comes later behind it', () => {
  const scene = new Scene()
  const service = serviceOf(1)
  scene.keepers.set(1, service)
  for (const requestId of ['1', '2', '3']) for (const key of ['a', 'b']) scene.put(service, key, requestId)
  scene.entities.restart()
  scene.put(service, 'a', '4')
  assert.is(scene.entities.activations, 2)
  assert.equal(scene.lines(), ['1 a: 1 2 3 4', '1 b: 1 2 3'])
  assert.equal(scene.answers, [])
})

Activations('entities.N5: where nobody serves it any more, those that wait are told', () => {
  const scene = new Scene()
  for (const requestId of ['1', '2']) scene.put(serviceOf(1), 'a', requestId)
  scene.entities.forget(1)
  assert.equal(scene.answers, ['1 service_replaced', '2 service_replaced'])
  assert.is(scene.entities.activations, 0)
})

Activations('entities.N4: making room looks at what it drops, however often that was done before', () => {
  const scene = new Scene({ activationsMax: 20 })
  const services = [serviceOf(1), serviceOf(2)]
  for (const service of services) scene.keepers.set(service.storage, service)
  let looked = 0
  const idle = Object.getOwnPropertyDescriptor(Activation.prototype, 'idle')!.get!
  Object.defineProperty(Activation.prototype, 'idle', {
    configurable: true,
    get(this: Activation) {
      looked += 1
      return idle.call(this)
    },
  })
  try {
    for (let at = 0; at < 1_000; at++) {
      scene.put(services[at % 2]!, `k${at}`, `r${at}`)
      scene.lines()
    }
  } finally {
    Object.defineProperty(Activation.prototype, 'idle', { configurable: true, get: idle })
  }
  assert.is(scene.entities.activations, 20)
  assert.ok(looked < 3 * 1_000, `${looked} were looked at`)
  type Inside = { spaces: Map<number, { byUse: { first: Used | undefined }; activations: Map<string, Activation> }> }
  for (const { byUse, activations } of (scene.entities as unknown as Inside).spaces.values()) {
    let links = 0
    for (let one = byUse.first; one !== undefined; one = one.after) links += 1
    assert.is(links, activations.size)
  }
})

Activations.run()
