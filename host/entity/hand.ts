// Hand: what one turn takes from the mailbox, in its order. What of that needs no decision is answered here.
//
// H1. Commands with the same idempotency key are not decided in one turn: the second ends it, and finds in the next what the
//     first left.
// H2. All that was taken and not answered here is in `given`: whatever becomes of the turn, each of it hears of that.
// H3. A turn takes at most `batchCommandsMax`, decided or not.
//
// Owns: what is taken.   Models own: deciding.   Activation owns: what becomes of the turn.

import type { Places } from '../delivery/chains.ts'
import type { Standing } from '../delivery/standing.ts'
import { InnkeeperError, operatorMessage, unknownMethod } from '../errors.ts'
import type { EntityRef, IdempotencyEntry } from '../journal/journal.ts'
import type { EntityService, Method } from '../services.ts'
import { isDamaged } from '../storage/damage.ts'
import type { EntityContext } from './context.ts'
import type { Mailbox, Waiting, Work } from './mailbox.ts'
import type { Turn } from './model.ts'
import { answer, answerDelivered, replayAnswer } from './perform.ts'
import { payloadHash } from './turn.ts'

/** Whose turn it is. */
interface Owner {
  readonly entity: EntityRef
  readonly id: string
  readonly mailbox: Mailbox
}

export class Hand implements Turn {
  readonly given: Work[] = []
  readonly nowMs: number
  readonly ageMs: number
  private readonly context: EntityContext
  private readonly owner: Owner
  private readonly service: EntityService
  private taken = 0
  private keys: Set<string> | undefined

  constructor(context: EntityContext, owner: Owner, service: EntityService, nowMs: number) {
    this.context = context
    this.owner = owner
    this.service = service
    this.nowMs = nowMs
    this.ageMs = context.age.now()
  }

  get places(): Places {
    return this.context.keeper.places
  }

  get standing(): Standing {
    return this.context.keeper.standing
  }

  seed(): Uint8Array {
    return this.context.chance.seed()
  }

  refusal(keyed: boolean): InnkeeperError | undefined {
    return this.context.disk.refusal(this.service.name, this.owner.entity.storage, keyed)
  }

  next(): Work | undefined {
    const { mailbox } = this.owner
    while (this.taken < this.context.limits.batchCommandsMax) {
      const work = mailbox.peek()
      if (work === undefined) return undefined
      const key = work.kind === 'command' ? onceKey(work) : undefined
      if (key !== undefined && this.keys?.has(key)) return undefined
      mailbox.take()
      this.taken += 1
      this.given.push(work)
      if (work.kind !== 'command') return work
      if (this.undecided(work)) {
        if (key !== undefined) this.keys = (this.keys ?? new Set()).add(key)
        return work
      }
      this.given.pop()
    }
    return undefined
  }

  /** Does the command need a decision? Otherwise it is answered here, or nobody waits for it. */
  private undecided(waiting: Waiting): boolean {
    if (waiting.abandoned || waiting.stream?.abandoned === true) return false
    const { command } = waiting
    const { outbox, metrics, clock, journal } = this.context
    if (command.effect !== undefined && !outbox.awaits(command.effect)) {
      answerDelivered(waiting)
      return false
    }
    metrics.of(this.service.name).waited((clock.steady() - waiting.arrivedMs) / 1000)
    const method = this.service.methods.get(command.method)
    if (method === undefined) {
      answer(waiting, { kind: 'error', error: unknownMethod(command.service, command.method) })
      return false
    }
    if (command.idempotencyKey === undefined) return true
    try {
      const known = journal.idempotency(this.owner.entity, command.idempotencyKey)
      if (known === undefined) return true
      this.answerKnown(waiting, method, known)
    } catch (error) {
      // The key, or what it was answered with, and nothing else of the entity.
      if (!isDamaged(error)) throw error
      this.context.log.error({ service: this.service.name, entity: this.owner.id }, operatorMessage(error))
      answer(waiting, { kind: 'error', error })
    }
    return false
  }

  /** The command was decided before under this key (§idempotency-1). */
  private answerKnown(waiting: Waiting, method: Method, known: IdempotencyEntry): void {
    const { command } = waiting
    if (known.method !== method.type.name || !Buffer.from(known.payloadHash).equals(payloadHash(command.payload))) {
      const message = 'this idempotency key was used for another method or payload; use a new key for a new command'
      answer(waiting, { kind: 'error', error: new InnkeeperError('idempotency_conflict', message) })
      return
    }
    replayAnswer(this.context, this.owner.entity, waiting, known)
  }
}

/** What a turn has one of. No client can send the keys of effects. */
function onceKey({ command: { idempotencyKey, effect } }: Waiting): string | undefined {
  return effect === undefined ? idempotencyKey : `\0${effect.id}`
}
