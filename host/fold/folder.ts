// Folder: folds entities in a thread of its own, by a component that need not be the one that serves: the next version, or one with
// more fuel. What it takes the loop for are pages of the journal.
//
// R1. One task at a time, in the order of asking. After `close`, or past the deadline, tasks answer undefined: the thread is ended
//     wherever it is.
// R2. A thread that fails by itself is a bug or a full memory: the task rejects.
//
// Owns: the thread.   fold-thread.ts owns: folding.   Deployment, rescue and inspection own: what follows from it.

import { Worker } from 'node:worker_threads'
import type { Clock } from '../clock.ts'
import type { Artefact } from '../guest/artefact.ts'
import type { Limits } from '../limits.ts'
import type { Folded, FoldTask, FoldThread, ProbeTask, ToldFault } from './fold-task.ts'
import { journalChannel, type ReadableJournal } from './journal-port.ts'

const heapMegabytes = 256

export class Folder {
  private readonly clock: Clock
  private readonly worker: Worker
  private readonly journalEnd: { close(): void }
  private last: Promise<unknown> = Promise.resolve()
  private readonly ended: Promise<undefined>
  private end: () => void = () => {}
  private readonly timer: NodeJS.Timeout
  private asked: { resolve(answer: unknown): void; reject(error: unknown): void } | undefined

  private failure: Error | undefined

  /** @param deadlineMs from now on; past it nothing is answered any more */
  constructor(artefact: Artefact, journal: ReadableJournal, limits: Limits, deadlineMs: number, clock: Clock) {
    this.clock = clock
    const { host, thread } = journalChannel(journal)
    this.journalEnd = host
    this.worker = new Worker(new URL('./fold-thread.ts', import.meta.url), {
      workerData: { artefact, limits, journal: thread } satisfies FoldThread,
      transferList: [thread.port],
      execArgv: ['--no-warnings'],
      env: {},
      resourceLimits: { maxOldGenerationSizeMb: heapMegabytes },
    })
    this.ended = new Promise((resolve) => {
      this.end = () => resolve(undefined)
    })
    this.timer = setTimeout(() => this.close(), deadlineMs)
    this.worker.on('error', (error) => {
      this.failure = error
      this.asked?.reject(error)
    })
    this.worker.on('message', (answer) => this.asked?.resolve(answer))
  }

  /** The state of an entity; undefined past the deadline. */
  fold(task: Omit<FoldTask, 'kind'>): Promise<Folded | undefined> {
    return this.run<Folded>({ kind: 'fold', ...task })
  }

  /** The fault of deciding on a value, `null` if there is none; undefined past the deadline. */
  async probe(task: Omit<ProbeTask, 'kind'>): Promise<ToldFault | null | undefined> {
    const answer = await this.run<{ fault: ToldFault | undefined }>({ kind: 'probe', ...task })
    return answer && (answer.fault ?? null)
  }

  close(): void {
    clearTimeout(this.timer)
    this.end()
    this.journalEnd.close()
    // It ends at once, in the middle of a function too.
    void this.worker.terminate()
  }

  private run<Answer>(task: FoldTask | ProbeTask): Promise<Answer | undefined> {
    const answer = this.last.then(() => this.clock.outside(Promise.race([this.ended, this.ask<Answer>(task)])))
    this.last = answer.catch(() => {})
    return answer
  }

  private ask<Answer>(task: FoldTask | ProbeTask): Promise<Answer> {
    return new Promise((resolve, reject) => {
      if (this.failure !== undefined) throw this.failure
      this.asked = { resolve: resolve as (answer: unknown) => void, reject }
      this.worker.postMessage(task)
    })
  }
}
