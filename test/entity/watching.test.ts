// Guards the groups of watchers (watch-group.ts): when they read, who is told, and how many readings stand in an entity's line.

import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { Clock } from '../../host/clock.ts'
import { systemClock } from '../../host/clock.ts'
import type { Answer, Command, Failed, StreamCall } from '../../host/command.ts'
import type { Waiting } from '../../host/entity/mailbox.ts'
import { tellMax } from '../../host/entity/open-stream.ts'
import { readsMax } from '../../host/entity/watch-group.ts'
import { Watching } from '../../host/entity/watching.ts'
import { InnkeeperError } from '../../host/errors.ts'
import type { EntityService, Method } from '../../host/services.ts'
import { eventually } from '../support/ingress.ts'

const schema = (bytes: string) => ({ files: new Map([['a.proto', { bytes: Buffer.from(bytes) }]]) })
const versionOf = (bytes: string, watch = 'Get') => {
  const method = { type: { name: 'Watch', watch } } as unknown as Method
  const methods = new Map([['Watch', method]])
  return { kind: 'value', name: 's', storage: 1, methods, schema: schema(bytes) } as unknown as EntityService
}

/** One client. */
class Client {
  ready = true
  readonly heard: string[] = []
  owed = 0
  call: StreamCall | undefined

  next = (payload: Uint8Array): void => void this.heard.push(Buffer.from(payload).toString())
  end = (failed?: Failed): void => {
    this.heard.push(failed?.kind === 'error' ? failed.error.code : String(failed?.kind))
    this.call?.cancel()
  }
  inputTaken(): void {}
  owes = (bytes: number): void => {
    this.owed += bytes
  }
}

class Scene {
  served: EntityService | undefined = versionOf('one')
  /** Readings in the line of an entity. */
  readonly line: Waiting[] = []
  readonly watching: Watching

  constructor(clock: Clock = systemClock) {
    this.watching = new Watching({
      ...{ clock, services: { get: () => this.served } },
      put: (_service, _key, reading) => void this.line.push(reading),
    })
  }

  open(payload = '', client = new Client(), key = 'e'): Client {
    const service = this.served!
    const command = { payload: Buffer.from(payload), metadata: [], requestId: 'r' } as unknown as Command
    const method = service.methods.get('Watch')!
    client.call = this.watching.open({ service, method, key, command }, client, () => {})
    return client
  }

  change(revision: number, key = 'e'): void {
    this.watching.changed({ storage: 1, key }, revision)
  }

  /** The first reading in the line is decided, as of a revision. */
  read(payload: string, revision: number): void {
    this.line.shift()!.read!({ payload: Buffer.from(payload), metadata: [] }, revision)
  }

  fail(answer: Answer): void {
    this.line.shift()!.reply(answer)
  }
}

const Groups = suite('groups of watchers')

Groups('watch-group.W1: one reading is under way; what changes meanwhile makes one more, after it', () => {
  const scene = new Scene()
  const clients = [scene.open(), scene.open(), scene.open()]
  assert.is(scene.line.length, 1)
  for (const revision of [1, 2, 3]) scene.change(revision)
  assert.is(scene.line.length, 1)
  scene.read('of 0', 0)
  assert.is(scene.line.length, 1)
  scene.read('of 3', 3)
  assert.is(scene.line.length, 0)
  for (const { heard } of clients) assert.equal(heard, ['of 0', 'of 3'])
})

Groups('watch-group.W2: a change that a reading saw makes no further one', () => {
  const scene = new Scene()
  const client = scene.open()
  scene.change(1)
  scene.change(2)
  scene.read('of 2', 2)
  assert.equal([scene.line.length, client.heard], [0, ['of 2']])
  scene.change(3)
  scene.read('of 2', 3)
  assert.equal([scene.line.length, client.heard], [0, ['of 2']])
})

Groups('watch-group.W3: many different things are read a few at a time', () => {
  const scene = new Scene()
  const count = 3 * readsMax
  const clients = Array.from({ length: count }, (_, at) => scene.open(String(at)))
  assert.is(scene.line.length, readsMax)
  let most = 0
  for (let left = count; left > 0; left--) {
    scene.read('x', 0)
    most = Math.max(most, scene.line.length)
  }
  assert.equal([most, scene.line.length], [readsMax, 0])
  for (const { heard } of clients) assert.equal(heard, ['x'])
  // Other entities have lines of their own.
  scene.change(1)
  scene.open('other', new Client(), 'f')
  assert.is(scene.line.length, readsMax + 1)
  // Those who leave give their places to others, and those who wait for one give up theirs.
  for (const { call } of clients.slice(0, readsMax)) call!.cancel()
  assert.ok(scene.line.slice(0, readsMax).every(({ abandoned }) => abandoned))
  assert.is(scene.line.length, 2 * readsMax + 1)
  for (const { call } of clients) call!.cancel()
  assert.is(scene.watching.size, 1)
})

Groups('watch-group.W4: who is not ready gets the newest once it is', () => {
  const scene = new Scene()
  const client = scene.open()
  client.ready = false
  for (const revision of [1, 2, 3]) {
    scene.change(revision)
    scene.read(`of ${revision}`, revision)
  }
  assert.equal(client.heard, [])
  client.ready = true
  client.call!.resume()
  client.call!.resume()
  assert.equal(client.heard, ['of 3'])
  // What it has already is not given again.
  client.ready = false
  for (const [payload, revision] of [
    ['of 4', 4],
    ['of 3', 5],
  ] as const) {
    scene.change(revision)
    scene.read(payload, revision)
  }
  client.ready = true
  client.call!.resume()
  assert.equal(client.heard, ['of 3'])
})

Groups('watch-group.W4: many are told in several turns of the loop, each of what is the newest then', async () => {
  const turns: (() => void)[] = []
  const scene = new Scene({ ...systemClock, soon: (work: () => void) => void turns.push(work) } as unknown as Clock)
  const clients = Array.from({ length: 2 * tellMax + 1 }, () => scene.open())
  scene.read('one', 0)
  const told = () => clients.filter(({ heard }) => heard.length > 0).length
  assert.is(told(), tellMax)
  scene.change(1)
  scene.read('two', 1)
  for (let round = 0; round < 20 && clients.some(({ heard }) => heard.at(-1) !== 'two'); round++) {
    for (const turn of turns.splice(0)) turn()
    await new Promise((resolve) => setImmediate(resolve))
  }
  assert.equal([clients[0]!.heard, clients.at(-1)!.heard], [['one', 'two'], ['two']])
})

Groups('watch-group.W5: the bytes of a group are one watcher`s, and the next one`s when it leaves', () => {
  const scene = new Scene()
  const [first, second] = [scene.open('abc'), scene.open('abc')]
  scene.read('12345', 0)
  assert.equal([first.owed, second.owed], [8, 0])
  first.call!.cancel()
  assert.equal([first.owed, second.owed], [0, 8])
  scene.change(1)
  scene.read('1', 1)
  assert.is(second.owed, 4)
  second.call!.cancel()
  assert.equal([second.owed, scene.watching.size], [0, 0])
})

Groups('§watch-6: how a reading fails ends all who ask that, and who opens it again reads again', () => {
  const scene = new Scene()
  const [first, second, other] = [scene.open('a'), scene.open('a'), scene.open('b')]
  scene.fail({ kind: 'error', error: new InnkeeperError('guest_fault', 'the function failed') })
  assert.equal([first.heard, second.heard, other.heard], [['guest_fault'], ['guest_fault'], []])
  assert.equal([first.owed, second.owed, scene.watching.size], [0, 0, 1])
  scene.open('a')
  assert.is(scene.line.length, 2)
})

Groups(
  '§watch-7: another version reads anew, once more where a reading is under way; one in other words ends it',
  async () => {
    const scene = new Scene()
    const client = scene.open()
    scene.read('one', 0)
    scene.served = versionOf('one')
    scene.watching.switched()
    assert.is(scene.line.length, 1)
    scene.watching.switched()
    scene.served = versionOf('one')
    scene.watching.switched()
    scene.read('one', 0)
    assert.is(scene.line.length, 1)
    scene.read('two', 0)
    assert.equal([scene.line.length, client.heard], [0, ['one', 'two']])
    for (const next of [versionOf('other words'), versionOf('one', 'Other'), undefined]) {
      scene.served = versionOf('one')
      const watched = scene.open('more')
      scene.served = next
      scene.watching.switched()
      await eventually(() => watched.heard.length > 0)
      assert.equal(watched.heard, ['service_replaced'])
    }
    assert.is(scene.watching.size, 0)
  },
)

Groups.run()
