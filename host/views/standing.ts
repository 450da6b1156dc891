// Standing: a process of views that is there when it is needed: started at the first request, and again after it ended.
//
// G1. One that ends by itself is started again after a pause, which doubles with each that did not answer in between; one that was killed, at once.
// G2. It knows the components that it is asked about: each is told once to each process.
//
// Owns: starting.   process/child.ts owns: the process.

import type { Clock } from '../clock.ts'
import { InnkeeperError } from '../errors.ts'
import type { ViewsComponent } from './component.ts'
import { Child, type ChildOptions, type Ending, host } from './process/child.ts'
import type { Learn } from './process/protocol.ts'
import { wallsFor } from './process/walls.ts'

const [pauseMs, pauseMsMax] = [100, 5_000]

/** Numbers that components are known by, in all processes. */
export class Components {
  private readonly numbers = new WeakMap<ViewsComponent, number>()
  private last = 0

  numberOf(component: ViewsComponent): number {
    let number = this.numbers.get(component)
    if (number === undefined) this.numbers.set(component, (number = ++this.last))
    return number
  }
}

type StandingOptions = Omit<ChildOptions, 'walls'>

export class Standing {
  /** How many ended by themselves. */
  crashes = 0
  private readonly options: StandingOptions
  private readonly components: Components
  private readonly clock: Clock
  private readonly shown: (component: ViewsComponent) => ViewsComponent
  private child: Child | undefined
  private killed = false
  private known = new Set<number>()
  private failures = 0
  private lastEndMs = Number.NEGATIVE_INFINITY
  private closed = false
  private endPause: () => void = () => {}
  private walls: Promise<readonly string[]> | undefined

  /** @param shown what of a component it is told */
  constructor(
    options: StandingOptions,
    components: Components,
    clock: Clock,
    shown = (component: ViewsComponent): ViewsComponent => component,
  ) {
    this.shown = shown
    this.options = options
    this.components = components
    this.clock = clock
  }

  /** Up and ready. @throws InnkeeperError `unavailable`, Gone */
  async up(): Promise<Child> {
    if (this.child === undefined) {
      const pause = Math.min(pauseMsMax, pauseMs * 2 ** (this.failures - 1))
      const left = this.failures === 0 ? 0 : this.lastEndMs + pause - this.clock.steady()
      if (left > 0) await this.pause(left)
      this.walls ??= wallsFor(host, this.options.directory)
      const walls = await this.clock.outside(this.walls)
      this.child ??= this.start(walls)
    }
    const { child } = this
    await this.clock.outside(child.ready)
    return child
  }

  /** Up, and it knows these. @throws InnkeeperError, Gone */
  async learned(components: readonly ViewsComponent[]): Promise<void> {
    const child = await this.up()
    await this.clock.outside(Promise.all(this.tell(child, components)))
  }

  /** @throws InnkeeperError, Gone */
  async ask<Value>(components: readonly ViewsComponent[], request: object): Promise<Value> {
    const child = await this.up()
    // In the order of asking: it has learned before it is asked.
    const told = this.tell(child, components)
    const [value] = await this.clock.outside(Promise.all([child.ask<Value>(request), ...told]))
    this.failures = 0
    return value
  }

  /** What it has been told is lost; who asked hears `Gone`. */
  kill(): void {
    this.killed = true
    this.child?.kill()
  }

  /** Another takes its place, with nothing in its memory. Not while it is asked. */
  async retire(): Promise<void> {
    const { child } = this
    this.kill()
    if (child !== undefined) await this.clock.outside(child.gone)
  }

  /** Bytes that it took since it was ready. */
  taken(): number | undefined {
    return this.child?.taken()
  }

  get pid(): number | undefined {
    return this.child?.pid
  }

  /** Whether one is there, starting or up. */
  get isUp(): boolean {
    return this.child !== undefined
  }

  /** Lets it end by itself, and kills it where it does not. */
  async close(waitMs: number): Promise<void> {
    this.closed = true
    this.endPause()
    const { child } = this
    if (child === undefined) return
    child.disconnect()
    const timer = this.clock.after(waitMs, () => this.kill())
    await this.clock.outside(child.gone)
    timer.cancel()
  }

  private tell(child: Child, components: readonly ViewsComponent[]): Promise<unknown>[] {
    return components.flatMap((component) => {
      const number = this.components.numberOf(component)
      if (this.known.has(number)) return []
      this.known.add(number)
      return child.ask({ kind: 'learn', component: number, ...this.shown(component) } satisfies Learn)
    })
  }

  private async pause(ms: number): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>()
    const timer = this.clock.after(ms, resolve)
    this.endPause = resolve
    await promise
    timer.cancel()
  }

  private start(walls: readonly string[]): Child {
    if (this.closed) throw new InnkeeperError('stopping', 'the host is stopping')
    this.killed = false
    this.known = new Set()
    return new Child({ ...this.options, walls }, (ending) => this.ended(ending))
  }

  private ended({ code, signal }: Ending): void {
    this.child = undefined
    if (this.killed || this.closed) return
    this.crashes += 1
    this.failures += 1
    this.lastEndMs = this.clock.steady()
    this.options.log(
      `the process that ${this.options.script === 'reader' ? 'queries' : 'writes'} views ended by itself (${signal ?? `code ${code}`})`,
    )
  }
}
