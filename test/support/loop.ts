// A loop and a clock for tests of turns: nothing takes time but what turns say that they cost, so what happens is the same on any machine.

import type { Timer } from '../../host/clock.ts'
import type { Turn } from '../../host/turns.ts'
import { Turns } from '../../host/turns.ts'

interface Due {
  readonly atMs: number
  readonly work: () => void
}

class Later implements Timer {
  readonly cancel: () => void

  constructor(cancel: () => void) {
    this.cancel = cancel
  }

  unref(): this {
    return this
  }
}

export class World {
  nowMs = 0
  /** Of it, in which the loop's thread worked. */
  workedMs = 0
  /** Milliseconds in which nobody had a turn. */
  idleMs = 0
  flushes = 0
  readonly turns: Turns
  /** What each service is told when it is throttled, or not any more. */
  readonly told: [service: string, throttled: boolean, atMs: number][] = []
  /** Who is in hand, as another thread would see it. */
  readonly seen: string[] = []
  private readonly faults = new Map<string, { value: number }>()
  private soon: (() => void)[] = []
  private later: Due[] = []

  constructor(limits: Partial<{ longTurnMs: number; throttleMs: number; throttledPercentMax: number }> = {}) {
    this.turns = new Turns({
      limits: { longTurnMs: 20, throttleMs: 10_000, throttledPercentMax: 2, ...limits },
      clock: {
        steady: () => this.nowMs,
        worked: () => this.workedMs,
        soon: (work) => void this.soon.push(work),
        after: (ms, work) => new Later(this.at(this.nowMs + ms, work)),
      },
      flush: () => {
        this.flushes += 1
      },
      inHand: { begin: (service) => this.seen.push(service), end: () => this.seen.pop() },
      faultsOf: (service) => this.faultsOf(service),
      changed: (service, throttled) => this.told.push([service, throttled, this.nowMs]),
    })
  }

  work(ms: number): void {
    this.nowMs += ms
    this.workedMs += ms
  }

  faultsOf(service: string): { value: number } {
    let faults = this.faults.get(service)
    if (faults === undefined) {
      faults = { value: 0 }
      this.faults.set(service, faults)
    }
    return faults
  }

  /** In the next turn of the loop. */
  next(work: () => void): void {
    this.soon.push(work)
  }

  /** Returns how to take it back. */
  at(atMs: number, work: () => void): () => void {
    const later = { atMs, work }
    this.later.push(later)
    return () => {
      this.later = this.later.filter((other) => other !== later)
    }
  }

  /** Nothing is to happen any more. */
  get still(): boolean {
    return this.soon.length === 0 && this.later.length === 0
  }

  /** What is due, and what comes of it that is due as well. False: nothing was. */
  private fire(): boolean {
    let fired = false
    for (;;) {
      const due = this.later.filter(({ atMs }) => atMs <= this.nowMs).sort((one, other) => one.atMs - other.atMs)
      if (due.length === 0) return fired
      fired = true
      this.later = this.later.filter(({ atMs }) => atMs > this.nowMs)
      for (const { work } of due) work()
    }
  }

  /** Turn after turn of the loop, until then. */
  run(untilMs: number): void {
    while (this.nowMs < untilMs) {
      const fired = this.fire()
      const { soon } = this
      this.soon = []
      for (const work of soon) work()
      if (soon.length > 0 || fired) continue
      const next = this.later.reduce((least, { atMs }) => Math.min(least, atMs), untilMs)
      this.idleMs += next - this.nowMs
      this.nowMs = next
    }
  }
}

/** Something of a service that takes turns, each of which costs so much. */
export class Actor implements Turn {
  queued = false
  readonly methodName = ''
  readonly effectId = 0
  readonly serviceName: string
  readonly id: string
  taken = 0
  usedMs = 0
  /** From asking for a turn to its end, of each. */
  readonly waits: number[] = []
  costMs: number
  /** What the machine takes besides in each turn, for others. */
  pauseMs = 0
  /** Called at the end of its turn. */
  after: () => void = () => {}
  private readonly world: World
  private askedMs = 0

  constructor(world: World, serviceName: string, costMs: number, id = '') {
    this.world = world
    this.serviceName = serviceName
    this.costMs = costMs
    this.id = id
  }

  /** `atMs`: when its caller called, if that was before. */
  ask(atMs = this.world.nowMs): void {
    if (this.queued) return
    this.askedMs = atMs
    this.world.turns.again(this)
  }

  turn(): void {
    this.world.work(this.costMs)
    this.world.nowMs += this.pauseMs
    this.taken += 1
    this.usedMs += this.costMs
    this.waits.push(this.world.nowMs - this.askedMs)
    this.after()
  }
}

/** So many entities of a service, each of which asks again and again. */
export function busy(world: World, service: string, count: number, costMs: number): Service {
  const actors = Array.from({ length: count }, (_, at) => new Actor(world, service, costMs, String(at)))
  for (const actor of actors) {
    actor.after = () => actor.ask()
    actor.ask()
  }
  return new Service(actors)
}

/** Calls that come every so many milliseconds, whether the ones before were answered or not, each for an entity of its own. */
export function steady(world: World, service: string, everyMs: number, costMs: number): Service {
  const actors: Actor[] = []
  const come = (atMs: number) => {
    const actor = new Actor(world, service, costMs, String(actors.length))
    actors.push(actor)
    actor.ask(atMs)
    world.at(atMs + everyMs, () => come(atMs + everyMs))
  }
  come(world.nowMs)
  return new Service(actors)
}

export class Service {
  readonly actors: readonly Actor[]

  constructor(actors: readonly Actor[]) {
    this.actors = actors
  }

  get taken(): number {
    return this.actors.reduce((sum, { taken }) => sum + taken, 0)
  }

  get usedMs(): number {
    return this.actors.reduce((sum, { usedMs }) => sum + usedMs, 0)
  }

  get waits(): readonly number[] {
    return this.actors.flatMap(({ waits }) => waits)
  }
}
