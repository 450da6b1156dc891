// Live: queries that go on: their result at once, and again whenever it has become another one.
//
// L1. However many ask the same, it is evaluated once for all of them, after a change of a view that it reads, at most every `everyMs`.
// L2. A result that has the same bytes is not told again. Who is slow gets the newest one, never those in between.
// L4. The result that is kept counts among the bytes of one of those who wait (`Receiver.owes`), and of the next when that leaves.
// L3. One that fails for want of time or memory ends all who wait for it, with what a single query would be told. One that cannot be run for the moment,
//     since its view is built or the process that ran it ended, is tried again.
//
// Owns: who waits for which result.   views.ts owns: the query.

import { hash } from 'node:crypto'
import type { Clock, Timer } from '../clock.ts'
import type { Failed, Receiver, StreamCall } from '../command.ts'
import type { InnkeeperError } from '../errors.ts'
import { toInnkeeperError } from '../errors.ts'
import { noMetadata } from '../metadata.ts'
import type { ViewService } from '../services.ts'
import { inPortions } from '../slices.ts'
import type { After, Views } from './views.ts'

const everyMs = 100
const againMs = 1_000
/** Told in one turn of the loop. */
const tellMax = 256
/** Of one evaluation. */
const timeMs = 60_000

type Querying = Pick<Views, 'onChange' | 'query' | 'reads'>

/** What is asked. */
interface Asked {
  readonly service: ViewService
  readonly method: string
  readonly request: Uint8Array
  /** Of the first result: all later ones reflect more. */
  readonly after: After
}

export class LiveQueries {
  private readonly views: Querying
  private readonly clock: Clock
  private readonly groups = new Map<string, Group>()
  private stopHearing: (() => void) | undefined

  constructor(views: Querying, clock: Clock) {
    this.views = views
    this.clock = clock
  }

  /** Streams that wait. */
  get size(): number {
    let size = 0
    for (const group of this.groups.values()) size += group.size
    return size
  }

  open(asked: Asked, receiver: Receiver): StreamCall {
    this.stopHearing ??= this.views.onChange((view) => {
      for (const group of this.groups.values()) group.changed(view)
    })
    const { service, method, request, after } = asked
    // Of another deployment it is another query.
    const id = hash(
      'sha256',
      `${service.name}\0${method}\0${service.deployment}\0${JSON.stringify(after.commits)}\0${Buffer.from(request).toString('latin1')}`,
    )
    let group = this.groups.get(id)
    if (group === undefined) {
      group = new Group(this.views, this.clock, asked, () => this.groups.delete(id))
      this.groups.set(id, group)
    }
    return group.join(receiver)
  }

  /** Services changed: who waits on another version than is served opens the stream again. */
  switched(isServed: (service: ViewService) => boolean, error: InnkeeperError): void {
    for (const group of [...this.groups.values()]) if (!isServed(group.service)) group.end({ kind: 'error', error })
  }

  end(error: InnkeeperError): void {
    this.switched(() => false, error)
  }
}

class Group {
  readonly service: ViewService
  private readonly views: Querying
  private readonly clock: Clock
  private readonly asked: Asked
  private readonly closed: () => void
  private readonly reads: ReadonlySet<string>
  private readonly waiters = new Set<Waiter>()
  private bearer: Waiter | undefined
  private result: Uint8Array | undefined
  private running = false
  private again = false
  private over = false
  private readonly gone = new AbortController()
  private lastMs = Number.NEGATIVE_INFINITY
  private timer: Timer | undefined

  constructor(views: Querying, clock: Clock, asked: Asked, closed: () => void) {
    this.views = views
    this.clock = clock
    this.asked = asked
    this.closed = closed
    this.service = asked.service
    this.reads = new Set(views.reads(asked.service, asked.method))
  }

  get size(): number {
    return this.waiters.size
  }

  join(receiver: Receiver): StreamCall {
    const waiter = new Waiter(receiver, () => this.leave(waiter))
    this.waiters.add(waiter)
    if (this.waiters.size === 1) this.bear(waiter)
    if (this.result !== undefined) waiter.offer(this.result)
    else this.evaluate()
    return waiter
  }

  changed(view: string): void {
    if (this.reads.has(view)) this.evaluate()
  }

  end(failed: Failed): void {
    const left = [...this.waiters]
    this.bear(undefined)
    this.waiters.clear()
    this.close()
    void inPortions(left, tellMax, (waiter) => waiter.end(failed), this.clock)
  }

  private leave(waiter: Waiter): void {
    this.waiters.delete(waiter)
    const [next] = this.waiters
    if (this.bearer === waiter) this.bear(next)
    if (next === undefined) this.close()
  }

  /** Who bears the bytes (L4). */
  private bear(waiter: Waiter | undefined): void {
    const bytes = this.result?.length ?? 0
    this.bearer?.receiver.owes(-bytes)
    this.bearer = waiter
    waiter?.receiver.owes(bytes)
  }

  private close(): void {
    this.over = true
    this.gone.abort()
    this.timer?.cancel()
    this.closed()
  }

  private evaluate(waitMs = 0): void {
    if (this.running || this.over) {
      this.again = true
      return
    }
    const leftMs = Math.max(waitMs, this.lastMs + everyMs - this.clock.steady())
    if (leftMs > 0) {
      this.timer ??= this.clock.after(leftMs, () => {
        this.timer = undefined
        this.evaluate()
      })
      return
    }
    this.running = true
    this.again = false
    this.lastMs = this.clock.steady()
    void this.run()
  }

  private async run(): Promise<void> {
    const { service, method, request, after } = this.asked
    let waitMs = 0
    try {
      const [result = new Uint8Array()] = await this.views.query(
        service,
        method,
        request,
        this.clock.now() + timeMs,
        this.result === undefined ? { ...after, gone: this.gone.signal } : undefined,
      )
      if (this.result === undefined || Buffer.compare(this.result, result) !== 0) {
        this.bearer?.receiver.owes(result.length - (this.result?.length ?? 0))
        this.result = result
        await inPortions([...this.waiters], tellMax, (waiter) => waiter.offer(this.result!), this.clock)
      }
    } catch (thrown) {
      const error = toInnkeeperError(thrown)
      if (error.code !== 'unavailable') this.end({ kind: 'error', error })
      waitMs = againMs
      this.again = true
    }
    this.running = false
    if (this.again && !this.over) this.evaluate(waitMs)
  }
}

class Waiter implements StreamCall {
  readonly receiver: Receiver
  private readonly left: () => void
  private missed: Uint8Array | undefined
  private over = false

  constructor(receiver: Receiver, left: () => void) {
    this.receiver = receiver
    this.left = left
  }

  offer(result: Uint8Array): void {
    if (this.over) return
    if (this.receiver.ready) this.receiver.next(result, noMetadata)
    else this.missed = result
  }

  end(failed: Failed): void {
    if (this.over) return
    this.over = true
    this.receiver.end(failed)
  }

  item(): boolean {
    return true
  }

  halfClose(): void {}

  cancel(): void {
    if (this.over) return
    this.over = true
    this.left()
  }

  resume(): void {
    const { missed } = this
    if (missed === undefined || this.over) return
    this.missed = undefined
    this.receiver.next(missed, noMetadata)
  }
}
