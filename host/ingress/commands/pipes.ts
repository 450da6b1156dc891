// Pipes: all streams of pipelined commands of a host: which are open, and which wait for room.
//
// Q1. Streams that wait for room get it in turns, before those that have more to send: whenever answers leave, and every `lookMs`, since room is
//     also made by others.
// Q2. When the host stops they take no more commands, and end once those that were handed over are answered, or with the end of the wait.
//
// Owns: the two sets.   pipe.ts owns: one stream.

import { InnkeeperError } from '../../errors.ts'
import type { IngressContext } from '../context.ts'
import type { Door } from '../door.ts'
import { Pipe, type PipeHost } from './pipe.ts'

/** What the streams are of, among the services of the host. */
export const commandsService = 'innkeeper.v1.Commands'

const lookMs = 20
/** So many get their turn at once. */
const turnsMax = 64

export class Pipes implements PipeHost {
  readonly context: IngressContext
  readonly door: Door
  private readonly open = new Set<Pipe>()
  /** In the order in which they get their turn. */
  private readonly waiting = new Set<Pipe>()
  private timer: NodeJS.Timeout | undefined
  private giving = false
  private draining = false

  constructor(context: IngressContext, door: Door) {
    this.context = context
    this.door = door
  }

  begin(parts: Omit<ConstructorParameters<typeof Pipe>[0], 'host'>): Pipe {
    const pipe = new Pipe({ ...parts, host: this })
    this.open.add(pipe)
    if (this.draining) pipe.drain()
    return pipe
  }

  drain(): void {
    this.draining = true
    for (const pipe of [...this.open]) pipe.drain()
  }

  /** The wait for running calls is over. False where no stream was open. */
  end(): boolean {
    const some = this.open.size > 0
    for (const pipe of [...this.open]) pipe.fail(new InnkeeperError('stopping', 'the host is stopping; try again'))
    return some
  }

  // What pipes ask for.

  waits(pipe: Pipe): void {
    this.waiting.add(pipe)
    this.timer ??= setInterval(() => this.look(), lookMs).unref()
  }

  answered(): void {
    if (this.waiting.size === 0 || this.giving) return
    this.giving = true
    // Once for all streams whose answers leave now.
    queueMicrotask(() => {
      this.giving = false
      this.give()
    })
  }

  over(pipe: Pipe): void {
    this.open.delete(pipe)
    this.waiting.delete(pipe)
  }

  private look(): void {
    const nowMs = this.context.clock.now()
    let left = turnsMax
    for (const pipe of this.waiting) {
      if (left-- === 0) break
      pipe.expire(nowMs)
    }
    this.give()
    if (this.waiting.size > 0) return
    clearInterval(this.timer)
    this.timer = undefined
  }

  /** Who finds no room again stands last. */
  private give(): void {
    for (let left = Math.min(this.waiting.size, turnsMax); left > 0; left--) {
      const [first] = this.waiting
      if (first === undefined) break
      this.waiting.delete(first)
      first.run()
    }
  }
}
