// Readers: the processes that run queries, and whose turn it is.
//
// D1. A query has a time of its own, and the caller's deadline besides: past one of them its process is killed, and the caller told
//     `deadline_exceeded`. Waiting counts for the deadline only.
// D2. A process that takes more memory than it may is killed, and the caller told `query_too_large`: so is one that died of it.
//     A process that keeps much of what a query took is replaced, so that the next one has its due.
// D3. The other queries go on: in other processes, and in this one's successor.
// D4. Turns go by views: the one that has fewest queries running is next. One view has at most half of the places to wait.
//
// Owns: turns, time and memory.   standing.ts owns: processes.

import type { Clock, Timer } from '../clock.ts'
import { InnkeeperError } from '../errors.ts'
import type { ViewsComponent } from './component.ts'
import { Gone } from './process/child.ts'
import type { ReaderRequest } from './process/protocol.ts'
import type { Standing } from './standing.ts'

const waitingMax = 1_000
const watchMs = 20
/** What a process of Node ends by when its own heap is full, and when the kernel ends it for memory. */
const outOfMemory: ReadonlySet<number | string | null> = new Set(['SIGABRT', 'SIGKILL', 'SIGTRAP', 133, 134, 137])

interface Job {
  /** Whose it is: the view, or the operator's. */
  readonly of: string
  readonly components: readonly ViewsComponent[]
  readonly request: ReaderRequest
  /** What it may take when it runs. */
  readonly timeMs: number
  readonly resolve: (value: unknown) => void
  readonly reject: (error: unknown) => void
  deadline: Timer | undefined
  running: Standing | undefined
  /** Why its process was killed. */
  stopped: InnkeeperError | undefined
}

export class Readers {
  /** How many were killed. */
  killed = 0
  private readonly memoryBytesMax: number
  private readonly clock: Clock
  private readonly all: readonly Standing[]
  private readonly idle: Standing[]
  private readonly waiting: Job[] = []
  private readonly running = new Set<Job>()
  private closed = false

  constructor(all: readonly Standing[], memoryBytesMax: number, clock: Clock) {
    this.all = all
    this.idle = [...all]
    this.memoryBytesMax = memoryBytesMax
    this.clock = clock
  }

  /** @throws InnkeeperError */
  run<Value>(
    components: readonly ViewsComponent[],
    request: ReaderRequest,
    timeMs: number,
    deadlineMs?: number,
  ): Promise<Value> {
    return new Promise((resolve, reject) => {
      if (this.closed) throw stopping()
      const of = 'service' in request ? request.service : ''
      if (this.waiting.length >= waitingMax || this.waiting.filter((one) => one.of === of).length >= waitingMax / 2)
        throw new InnkeeperError('overloaded', 'too many queries of views wait; try again')
      const job: Job = {
        ...{ of, components, request, timeMs, resolve: resolve as (value: unknown) => void, reject },
        ...{ deadline: undefined, running: undefined, stopped: undefined },
      }
      if (deadlineMs !== undefined)
        job.deadline = this.clock.after(deadlineMs, () => this.stop(job, late('the deadline of the call has passed')))
      this.waiting.push(job)
      this.pump()
    })
  }

  /** To all that are there. */
  async tell(request: ReaderRequest): Promise<void> {
    await Promise.allSettled(this.all.filter(({ isUp }) => isUp).map((one) => one.ask([], request)))
  }

  close(): void {
    this.closed = true
    for (const job of this.waiting.splice(0)) this.end(job, () => job.reject(stopping()))
    for (const job of this.running) job.stopped ??= stopping()
  }

  private pump(): void {
    while (this.waiting.length > 0 && this.idle.length > 0) {
      // One that is up already is faster.
      const at = Math.max(
        0,
        this.idle.findIndex(({ isUp }) => isUp),
      )
      const [reader] = this.idle.splice(at, 1)
      void this.work(reader!, this.nextJob())
    }
  }

  /** The first of a view that has fewest running: one whose queries are slow, or many, leaves the others their turn (D4). */
  private nextJob(): Job {
    const running = new Map<string, number>()
    for (const { of } of this.running) running.set(of, (running.get(of) ?? 0) + 1)
    let next = 0
    for (const [at, { of }] of this.waiting.entries())
      if ((running.get(of) ?? 0) < (running.get(this.waiting[next]!.of) ?? 0)) next = at
    return this.waiting.splice(next, 1)[0]!
  }

  private async work(reader: Standing, job: Job): Promise<void> {
    this.running.add(job)
    const timers: Timer[] = []
    try {
      // What a new process has to read first is none of the query's time, or one of a large component never began.
      await reader.learned(job.components)
      if (job.stopped !== undefined) throw job.stopped
      job.running = reader
      timers.push(
        this.clock.after(job.timeMs, () =>
          this.stop(job, late(`the query took longer than ${job.timeMs} milliseconds`)),
        ),
        this.clock.every(watchMs, () => {
          const { memoryBytesMax } = this
          if ((reader.taken() ?? 0) > memoryBytesMax) this.stop(job, large(memoryBytesMax))
        }),
      )
      const value = await reader.ask([], job.request)
      this.end(job, () => job.resolve(value))
    } catch (error) {
      this.end(job, () => job.reject(job.stopped ?? this.failed(error)))
    }
    for (const timer of timers) timer.cancel()
    this.running.delete(job)
    // What an allocator keeps is not the next query's.
    if ((reader.taken() ?? 0) > this.memoryBytesMax / 2) await reader.retire()
    this.idle.push(reader)
    this.pump()
  }

  /** It ends here, wherever it is. */
  private stop(job: Job, why: InnkeeperError): void {
    if (job.stopped !== undefined) return
    job.stopped = why
    const at = this.waiting.indexOf(job)
    if (at !== -1) {
      this.waiting.splice(at, 1)
      this.end(job, () => job.reject(why))
    } else if (job.running !== undefined) {
      this.killed += 1
      job.running.kill()
    } else {
      // Its process is being started, and stays for the next.
      this.end(job, () => job.reject(why))
    }
  }

  private end(job: Job, tell: () => void): void {
    job.deadline?.cancel()
    tell()
  }

  private failed(error: unknown): unknown {
    if (!(error instanceof Gone)) return error
    const { code, signal } = error.ending
    if (outOfMemory.has(signal) || outOfMemory.has(code)) return large(this.memoryBytesMax, error)
    return new InnkeeperError('unavailable', 'the process that ran the query ended; try again', error)
  }
}

function late(why: string): InnkeeperError {
  return new InnkeeperError('deadline_exceeded', why)
}

function large(bytesMax: number, cause?: unknown): InnkeeperError {
  return new InnkeeperError(
    'query_too_large',
    `the query took more than ${bytesMax / 1024 / 1024} MiB of memory; let it read or answer less`,
    cause,
  )
}

function stopping(): InnkeeperError {
  return new InnkeeperError('stopping', 'the host is stopping')
}
