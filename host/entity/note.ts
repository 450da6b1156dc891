// Note: what a turn has for the log and the metrics, as data: lines of functions, and their faults.
//
// Leaves to others: which turns have some (turn.ts, batched.ts, replicated/), and what callers hear of it (step.ts).

import type { Logger } from 'pino'
import type { Command } from '../command.ts'
import { faultFields, type GuestFault } from '../guest/guest.ts'
import { logLines } from '../observe/guest-log.ts'
import type { Metrics } from '../observe/metrics.ts'
import type { Outcome } from '../outcome.ts'

/** What log lines name. The request id is empty for a stream whose process is gone. */
export type Named = Pick<Command, 'method' | 'requestId'>

export type Note =
  /** The function logs lines while it decides. */
  | { readonly kind: 'said'; readonly command: Named; readonly logs: Outcome['logs'] }
  /** A function failed; the caller hears no more than that (§fault-2). */
  | { readonly kind: 'fault'; readonly command: Named; readonly fault: GuestFault; readonly what: string }
  /** A batch failed, and its commands are decided one by one. */
  | { readonly kind: 'split'; readonly commands: number; readonly fault: GuestFault | undefined }

export function tellNotes(
  { log, metrics }: { readonly log: Logger; readonly metrics: Metrics },
  service: string,
  entity: string,
  notes: readonly Note[],
): void {
  for (const note of notes) {
    switch (note.kind) {
      case 'said': {
        const { method, requestId } = note.command
        logLines(log, note.logs, () => ({ service, entity, method, requestId }))
        break
      }
      case 'fault': {
        const { method, requestId } = note.command
        metrics.of(service).fault()
        const request = requestId === '' ? undefined : { requestId }
        log.error({ service, entity, method, ...request, ...faultFields(note.fault) }, note.what)
        break
      }
      case 'split': {
        const { commands, fault } = note
        metrics.of(service).split()
        if (fault === undefined) break
        const fields = { service, entity, commands, reason: fault.reason }
        log.debug(fields, 'a batch failed; its commands are decided one by one')
      }
    }
  }
}
