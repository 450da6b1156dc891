// Audit thread: looks through one answer, off the loop. Started and ended by auditor.ts.

import { parentPort, workerData } from 'node:worker_threads'
import type { Limits } from '../../limits.ts'
import { auditLinked } from './linked.ts'

export interface AuditTask {
  readonly body: Uint8Array<ArrayBuffer>
  readonly limits: Limits
}

const { body, limits } = workerData as AuditTask
const audited = auditLinked(body, limits)
const own = audited.ok ? [...audited.linked.modules, audited.linked.description.descriptors] : []
parentPort!.postMessage(
  audited,
  own.map(({ buffer }) => buffer as ArrayBuffer),
)
