// Outside: an effect, or a forward, whose service is a connector. It leaves the host; what it is answered comes back into it.
//
// X1. The answer of an effect and the end of its entry are one commit, and the answer of an ask is the answer's delivery. Until then another try has the
//     same key.
// X2. Where a connector has no room an effect waits in the line of that, untried: it can be cancelled, and its time goes on.
// X3. What is not granted, or no longer declared, waits like a service that is not deployed: an operator's mistake is not the asker's failure. A directory
//     that was copied or restored sends nothing before `inn effects resume`.
// X4. A forward is tried once, for the caller who waits. A failure of which it is not known whether it happened is never kept as the answer to a key.
//
// Owns: when a call leaves, and what its answer becomes.   host/connectors owns: the call.   outbox.ts owns: trying again.

import type { Clock } from '../../clock.ts'
import type { Answer, Command, Reply } from '../../command.ts'
import type { Answered, Outside, OutwardCall, Place } from '../../connectors/connector.ts'
import type { EffectEntry } from '../../effect.ts'
import { grpcCodeNames, InnkeeperError, unknownMethod, wire } from '../../errors.ts'
import { noMetadata } from '../../metadata.ts'
import { answerEntry, isAsk } from '../answers.ts'
import type { Target, Tried } from './target.ts'
import { WaitingLine } from './waiting-line.ts'

/** A forward does not wait at a connector behind more calls of its service than this. */
const forwardsMax = 1_000

interface OutsideParts {
  /** host/connectors, or what stands in for it. */
  readonly outside: Pick<Outside, 'enter' | 'call' | 'connectorOf'>
  readonly clock: Clock
  /** Where the service `by` sends a call of this name; undefined: there is no such method. */
  readonly placeOf: (by: string, service: string, method: string) => Place | undefined
  /** Why nothing of the service `by` can be sent to a service now. */
  readonly waits: (by: string, service: string) => string | undefined
  /** Why nothing leaves now. */
  readonly held: () => string | undefined
  readonly awaits: (entry: EffectEntry) => boolean
  /** Commits that an entry arrived, and what it became, if anything. */
  readonly arrive: (
    entry: EffectEntry,
    became: EffectEntry | undefined,
    done: (error: Error | undefined) => void,
  ) => void
  /** For what has no key of its own. */
  readonly freshKey: () => string
}

export class OutsideTarget implements Target {
  private readonly parts: OutsideParts
  private readonly lines = new Map<string, WaitingLine>()

  constructor(parts: OutsideParts) {
    this.parts = parts
  }

  deliver(entry: EffectEntry, _hops: number, begins: () => boolean, done: (tried: Tried) => void): void {
    const { call, outward, attempts, untilMs } = entry
    const { by, key, unsure, traceparent } = outward!
    const placeNow = () => this.parts.placeOf(by, call.service, call.method)
    const nowhere = () => {
      if (begins()) done({ kind: 'failed', reason: unknownMethod(call.service, call.method).message, ...unknown })
    }
    const first = placeNow()
    if (first === undefined) {
      nowhere()
      return
    }
    const line = this.lineOf(first, by, call.payload)
    const gone = () => !this.parts.awaits(entry)
    const begin = () => {
      if (gone()) {
        begins()
        return 0
      }
      // Since it waits here, a grant may have been taken away, or another version deployed.
      if (this.unserved(entry) !== undefined) {
        done({ kind: 'waits' })
        return 0
      }
      const place = placeNow()
      if (place === undefined) {
        nowhere()
        return 0
      }
      const waitMs = this.parts.outside.enter({ place, from: by, request: call.payload })
      if (waitMs > 0) return waitMs
      begins()
      const made = { place, from: by, request: call.payload, key, attempt: attempts + 1, unsure, deadlineMs: untilMs }
      this.call(line, { ...made, traceparent: traceparentOf(call.metadata) ?? traceparent }, (answered) =>
        this.answered(entry, answered, done),
      )
      return 0
    }
    line.add(by, { begin, gone })
  }

  unserved({ call, outward }: EffectEntry): string | undefined {
    return this.obstacle(outward!.by, call.service)
  }

  /** Why nothing of the service `by` leaves for another one now (X3). */
  private obstacle(by: string, service: string): string | undefined {
    return this.parts.waits(by, service) ?? this.parts.held()
  }

  /** A forward of the service `command.by`. `deadlines` bound the caller's wait. */
  readonly forwarded = (command: Command, reply: Reply): void => {
    const { service, method, payload, metadata, idempotencyKey, deadlineMs, effect } = command
    const by = command.by!.service
    const place = this.parts.placeOf(by, service, method)
    if (place === undefined) {
      reply({ kind: 'error', error: unknownMethod(service, method) })
      return
    }
    const isRefused = () => {
      const problem = this.obstacle(by, service)
      if (problem !== undefined) reply({ kind: 'error', error: new InnkeeperError('unavailable', problem) })
      return problem !== undefined
    }
    if (isRefused()) return
    const line = this.lineOf(place, by, payload)
    if (line.sizeOf(by) >= forwardsMax) {
      reply({
        kind: 'error',
        error: new InnkeeperError('overloaded', `too many calls wait for ${service}; try again in a moment`),
      })
      return
    }
    const key = effect?.outward?.key ?? idempotencyKey ?? this.parts.freshKey()
    // Nobody waits any more.
    const gone = () => this.parts.clock.now() >= deadlineMs
    const begin = () => {
      if (gone() || isRefused()) return 0
      if (effect !== undefined && !this.parts.awaits(effect)) {
        reply({ kind: 'error', error: new InnkeeperError('unavailable', 'the effect was given up meanwhile') })
        return 0
      }
      const waitMs = this.parts.outside.enter({ place, from: by, request: payload })
      if (waitMs > 0) return waitMs
      const until = Number.isFinite(deadlineMs) ? deadlineMs : undefined
      const made = { place, from: by, request: payload, key, attempt: 1, unsure: false, deadlineMs: until }
      this.call(
        line,
        { ...made, traceparent: traceparentOf(metadata) ?? traceparentOf(command.by!.metadata) },
        (answered) => {
          if (effect === undefined || answered.kind !== 'reply') reply(answerOf(answered))
          else
            this.arrive(effect, answered.payload, (error) => reply(error === undefined ? answerOf(answered) : notKept))
        },
      )
      return 0
    }
    line.add(by, { begin, gone })
  }

  stop(): void {
    for (const line of this.lines.values()) line.clear()
  }

  /** Calls that wait for room. */
  waitingAt(connector: string): number {
    return this.lines.get(connector)?.size ?? 0
  }

  /** What is granted has changed: there may be room. */
  look(): void {
    for (const line of this.lines.values()) line.look()
  }

  /** That of the connector whose room it needs. */
  private lineOf(place: Place, from: string, request: Uint8Array): WaitingLine {
    const name = place.kind === 'connector' ? place.rule.name : this.parts.outside.connectorOf({ place, from, request })
    let line = this.lines.get(name)
    if (line === undefined) {
      line = new WaitingLine(this.parts.clock)
      this.lines.set(name, line)
    }
    return line
  }

  private call(line: WaitingLine, call: OutwardCall, done: (answered: Answered) => void): void {
    this.parts.outside.call(call, (answered) => {
      done(answered)
      line.look()
    })
  }

  private answered(entry: EffectEntry, answered: Answered, done: (tried: Tried) => void): void {
    if (answered.kind === 'reply') {
      this.arrive(entry, answered.payload, (error) => {
        if (error === undefined) done({ kind: 'arrived' })
        // The store has failed; everything is taken up anew.
        else
          done({
            kind: 'failed',
            reason: error.message,
            again: true,
            code: wire.internal.grpc,
            decided: false,
            unsure: true,
          })
      })
      return
    }
    const { failure, reason, again, afterMs } = answered
    const { code, message } = failure
    const told = `${reason}: ${grpcCodeNames[code] ?? code}: ${message}`
    // One that the grant says to try again is no decision yet.
    const known = { decided: reason === 'REFUSED' && !again, unsure: reason === 'UNKNOWN' }
    done({ kind: 'failed', reason: told, again, code, failure, afterMs, ...known })
  }

  /** In one commit; nothing, where it is awaited no more. */
  private arrive(entry: EffectEntry, payload: Uint8Array, done: (error: Error | undefined) => void): void {
    if (!this.parts.awaits(entry)) done(undefined)
    else this.parts.arrive(entry, isAsk(entry) ? answerEntry(entry, { kind: 'reply', payload }) : undefined, done)
  }
}

const unknown = { again: false, code: wire.unknown_method.grpc, decided: false, unsure: false } as const

const notKept: Answer = {
  kind: 'error',
  error: new InnkeeperError('outcome_unknown', 'what the other side answered could not be stored'),
}

/** For a caller who waits (X4). */
function answerOf(answered: Answered): Answer {
  if (answered.kind === 'reply') return { kind: 'reply', payload: answered.payload, metadata: noMetadata }
  const { failure, reason } = answered
  if (reason === 'REFUSED') return { kind: 'refusal', failure, metadata: noMetadata }
  if (reason === 'NOT_SENT') return { kind: 'error', error: new InnkeeperError('unavailable', failure.message) }
  const code = failure.code === wire.deadline_exceeded.grpc ? 'deadline_exceeded' : 'outcome_unknown'
  return { kind: 'error', error: new InnkeeperError(code, failure.message) }
}

/** The only header that leaves the host: the function's, or that of the command (§connector-9). */
export function traceparentOf(metadata: Command['metadata']): string | undefined {
  for (const [name, value] of metadata) if (name === 'traceparent' && typeof value === 'string') return value
  return undefined
}
