// Program: what clients, operators and fate do to a simulated host, drawn from a seed; and then whether all that must be true is (truth.ts).

import { Chances } from './chances.ts'
import { Truth } from './truth.ts'
import type { Service, Version } from './world.ts'
import { World } from './world.ts'

export interface Ran {
  readonly seed: number
  /** SHA-256 of the log, the answers and the state. */
  readonly hash: string
  /** What is not as it must be; empty if all is. */
  readonly wrong: readonly string[]
  readonly counts: Readonly<Record<string, number>>
}

/** What a command is to do; the guest's word (simulated.js). */
export interface Order {
  readonly token?: string
  readonly sends?: readonly Send[]
  readonly forward?: readonly [Service, string, Order]
  readonly refuse?: true
  readonly trap?: true
  readonly leave?: Order
  /** The answer comes later. */
  readonly defer?: true
  /** The token of the order that deferred. */
  readonly resolve?: string
}

/** `after`: so many milliseconds later. `name`: it may be replaced before. `hears`: what its answer brings back. */
interface More {
  readonly after?: number
  readonly name?: string
  readonly hears?: Order
}

export type Send = readonly [Service, string, Order, boolean, More?]

const steps = 250
const ids: Readonly<Record<Service, readonly string[]>> = {
  Ledger: ['l0', 'l1', 'l2'],
  Notes: ['n0', 'n1', 'n2'],
  Marks: ['m0', 'm1'],
  Relay: [''],
}
const services = Object.keys(ids) as Service[]

export async function run(seed: number): Promise<Ran> {
  const chances = new Chances(seed, 'program')
  const world = new World(seed, seed % 2 === 0 ? 4 : 1)
  const truth = new Truth(world)
  const program = new Program(world, truth, chances)
  await world.start()
  if (!(await world.deploy(1))) throw new Error('the guest cannot be deployed')
  for (let step = 0; step < steps; step++) await program.step()
  const wrong = await truth.judged()
  return {
    seed,
    hash: world.hash(),
    wrong: [...wrong, ...world.bugs.map((bug) => `logged: ${bug}`)],
    counts: program.counts,
  }
}

class Program {
  readonly counts: Record<string, number> = {}
  private readonly world: World
  private readonly truth: Truth
  private readonly chances: Chances
  private tokens = 0
  private keys = 0

  constructor(world: World, truth: Truth, chances: Chances) {
    this.world = world
    this.truth = truth
    this.chances = chances
  }

  async step(): Promise<void> {
    const { chances, world, truth } = this
    const at = chances.below(1_000)
    if (at < 550) this.say()
    else if (at < 600) this.again()
    else if (at < 650) this.read()
    else if (at < 690) this.open()
    else if (at < 720) truth.leaveOne(chances)
    else if (at < 740) this.relay()
    else if (at < 950) await this.pass(chances.below(40) / 10)
    else if (at < 960) await this.pass(chances.below(3_000))
    else if (at < 964) await this.pass(20_000)
    else if (at < 979) await this.crash()
    else if (at < 984) this.fail()
    else await this.deploy()
    if (world.core === undefined) await world.start()
  }

  private count(what: string): void {
    this.counts[what] = (this.counts[what] ?? 0) + 1
  }

  private pass(ms: number): Promise<boolean> {
    return this.world.run(ms)
  }

  private async crash(): Promise<void> {
    this.count('crashes')
    this.world.crash()
    await this.world.start()
  }

  /** For a while the disk loses some of what it is to sync. */
  private fail(): void {
    const { disk } = this.world
    if (disk === undefined) return
    this.count('failing disks')
    disk.failing = disk.failing === 0 ? 20 : 0
  }

  private async deploy(): Promise<void> {
    // Mostly the other one: what the last one wrote is to be read.
    const other: Version = this.world.version === 1 ? 2 : 1
    const version = this.chances.percent(90) ? other : (this.world.version ?? 1)
    if (await this.world.deploy(version)) this.count(`deployments of version ${version}`)
    else this.count('failed deployments')
  }

  private say(): void {
    const service = this.chances.pick(services)
    const id = this.chances.pick(ids[service])
    const defers = service !== 'Relay' && this.chances.percent(8)
    const order = defers ? this.deferring(service, id) : this.order(service, 0)
    // An action remembers no keys: it would do all of it again.
    const keyed = service !== 'Relay' && order.refuse === undefined && this.chances.percent(30)
    const key = keyed ? `key-${this.keys++}` : undefined
    this.count(`commands of ${service}`)
    this.truth.said(service, id, order, key)
  }

  /** A key once more, as a client does that has heard nothing, or did not listen. */
  private again(): void {
    if (this.truth.sayAgain(this.chances)) this.count('repeated keys')
  }

  private read(): void {
    const service = this.chances.pick(['Ledger', 'Notes', 'Marks'] as const)
    this.truth.said(service, this.chances.pick(ids[service]), {}, undefined)
  }

  private open(): void {
    this.count('streams')
    this.truth.opened(this.chances.pick(ids.Marks), { token: this.token(), leave: { token: this.token() } })
  }

  private relay(): void {
    this.count('streamed actions')
    this.truth.relayed(Array.from({ length: 1 + this.chances.below(3) }, () => this.send(1)))
  }

  private order(service: Service, depth: number): Order {
    const { chances } = this
    if (depth === 0 && service !== 'Relay' && chances.percent(5))
      return { token: this.token(), refuse: true, sends: [] }
    if (depth === 0 && service !== 'Relay' && chances.percent(3)) return { token: this.token(), trap: true }
    const most = depth >= 2 ? 0 : chances.below(3)
    const sends = onceNamed(Array.from({ length: most }, () => this.send(depth + 1, service)))
    const forwards = depth === 0 && chances.percent(12)
    return {
      ...(service === 'Relay' ? {} : { token: this.token() }),
      ...(sends.length === 0 ? {} : { sends }),
      ...(forwards ? { forward: this.forward() } : {}),
    }
  }

  /** Answered by an order that it sends itself. */
  private deferring(service: Service, id: string): Order {
    const token = this.token()
    this.count('deferred replies')
    const resolving: Order = { token: this.token(), resolve: token }
    return { token, defer: true, sends: [[service, id, resolving, false, { after: this.chances.below(8_000) }]] }
  }

  /** `by`: an entity may ask, and give names. */
  private send(depth: number, by: Service = 'Relay'): Send {
    const { chances } = this
    const service = chances.pick(services)
    const [id, order] = [chances.pick(ids[service]), this.order(service, depth)]
    if (!chances.percent(35)) return [service, id, order, chances.percent(30)]
    const after = chances.percent(60) ? { after: chances.below(20_000) } : {}
    if (by === 'Relay') return [service, id, order, false, after]
    const asks = chances.percent(60)
    const named = !asks && chances.percent(40)
    this.count(asks ? 'asks' : named ? 'names' : 'timers')
    const hears = asks ? { hears: { token: this.token() } } : {}
    return [service, id, order, false, { ...after, ...hears, ...(named ? { name: chances.pick(['x', 'y']) } : {}) }]
  }

  private forward(): readonly [Service, string, Order] {
    const service = this.chances.pick(['Ledger', 'Notes'] as const)
    return [service, this.chances.pick(ids[service]), { token: this.token() }]
  }

  private token(): string {
    return `t${this.tokens++}`
  }
}

/** Two of one name in an outcome are a fault. */
function onceNamed(sends: readonly Send[]): readonly Send[] {
  const names = new Set<string>()
  return sends.filter(([, , , , more]) => {
    const name = more?.name
    if (name === undefined) return true
    if (names.has(name)) return false
    names.add(name)
    return true
  })
}
