// Auditor: has an answer of the linking process looked through, in a thread with bounds of its own.
//
// R1. The loop is held for no more than taking the answer over: its bytes are moved, not copied.
// R2. A thread that takes too much time is ended, and the answer is refused.
//
// So is one that takes too much memory, but for the engine's own parser of JSON: where that reaches the bound of a thread, V8 ends the whole
// process. So what is parsed is bounded first (linked.ts): the worst that was tried takes less than three quarters of the heap.
//
// Owns: the thread.   linked.ts owns: what is looked for.

import { Worker } from 'node:worker_threads'
import type { Limits } from '../../limits.ts'
import type { AuditTask } from './audit-thread.ts'
import { type Audited, forgery } from './linked.ts'

const heapMegabytes = 512

/** @param body bytes of its own, which are gone then. Never rejects for what they are. */
export function audit(body: Uint8Array<ArrayBuffer>, limits: Limits, deadlineMs = 60_000): Promise<Audited> {
  return new Promise((resolve, reject) => {
    const worker = new Worker(new URL('./audit-thread.ts', import.meta.url), {
      workerData: { body, limits } satisfies AuditTask,
      transferList: [body.buffer],
      execArgv: ['--no-warnings'],
      env: {},
      resourceLimits: { maxOldGenerationSizeMb: heapMegabytes },
    })
    const end = (settle: () => void): void => {
      clearTimeout(timer)
      settle()
      void worker.terminate()
    }
    const refuse = (why: string): void => end(() => resolve({ ok: false, reasons: [forgery(why)] }))
    const timer = setTimeout(() => refuse(`checking it takes more than ${deadlineMs / 1000} seconds`), deadlineMs)
    worker.on('message', (audited: Audited) => end(() => resolve(audited)))
    worker.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'ERR_WORKER_OUT_OF_MEMORY') refuse('checking it takes too much memory')
      else end(() => reject(error))
    })
  })
}
