// Entities: the activations in memory, at most one for each entity, and their bounds.
//
// N1. At most one activation for each (storage id, key); commands for it go to its mailbox in arrival order.
// N2. A mailbox holds at most `mailboxCommandsMax`, all together `waitingCommandsMax`: past that callers are told to retry.
// N3. Idle activations are dropped after their service's time, and the least recently used ones past the caps; neither loses
//     or reorders a command: only an activation with nothing waiting and nothing in flight is dropped.
// N4. An activation that was closed with commands waiting hands them, in order, to a fresh one.
//
// Owns: the set, admission, passivation.   Activation owns: one entity.

import type { Command, Reply } from '../command.ts'
import { InnkeeperError } from '../errors.ts'
import type { StorageId } from '../journal/journal.ts'
import type { Service } from '../services.ts'
import { Activation } from './activation.ts'
import type { EntityContext } from './context.ts'
import type { Waiting } from './mailbox.ts'
import { Turns } from './turns.ts'

/** How often idle activations are looked for. In milliseconds. */
export const sweepEveryMs = 1_000

export class Entities {
  private readonly context: EntityContext
  private readonly turns: Turns
  /** Per storage id, in order of last use: the first is the least recently used. */
  private readonly spaces = new Map<StorageId, Map<string, Activation>>()
  private waiting = 0
  private count = 0

  constructor(context: Omit<EntityContext, 'again' | 'close' | 'left'>, flush: () => void) {
    this.turns = new Turns(flush)
    this.context = {
      ...context,
      again: this.turns.again,
      close: (activation) => this.close(activation),
      left: (count = 1) => {
        this.waiting -= count
      },
    }
  }

  get activations(): number {
    return this.count
  }

  get waitingCommands(): number {
    return this.waiting
  }

  /** Hand a command to its entity. @throws InnkeeperError `overloaded` */
  put(service: Service, key: string, command: Command, reply: Reply): Waiting {
    const { limits } = this.context
    if (this.waiting >= limits.waitingCommandsMax) {
      throw new InnkeeperError(
        'overloaded',
        `${limits.waitingCommandsMax} commands are waiting in this host; try again later`,
      )
    }
    const activation = this.activation(service, key)
    if (activation.mailbox.size >= limits.mailboxCommandsMax) {
      throw new InnkeeperError(
        'overloaded',
        `${limits.mailboxCommandsMax} commands are waiting for this entity; try again later`,
      )
    }
    const waiting: Waiting = { command, reply, abandoned: false }
    activation.mailbox.put(waiting)
    this.waiting += 1
    if (activation.runnable) this.turns.again(activation)
    return waiting
  }

  /** Entities of a service that cannot be replayed now. */
  stuck(service: Service): readonly Activation[] {
    const space = this.spaces.get(service.storage)
    return space === undefined ? [] : [...space.values()].filter((activation) => activation.stuck !== undefined)
  }

  /** Drop what has been idle for too long, then the least recently used past the caps. Called every `sweepEveryMs`. */
  passivate(): void {
    const { clock, services, settings, limits, metrics } = this.context
    const now = clock.now()
    let stateBytes = 0
    for (const [storage, space] of this.spaces) {
      for (const [key, activation] of space) {
        const own = services.get(activation.serviceName)?.description.passivateAfterMs ?? 0
        const idleMs = own === 0 ? settings.passivateAfterMs : own
        stateBytes += activation.stateSize
        // A clock that jumped back must not keep everything for ever, hence the absolute distance.
        if (!activation.idle || Math.abs(now - activation.usedAtMs) < idleMs) continue
        stateBytes -= activation.stateSize
        activation.passivate()
        metrics.of(activation.serviceName).passivated()
        space.delete(key)
        this.count -= 1
      }
      if (space.size === 0) this.spaces.delete(storage)
    }
    this.shrink(limits.activationsMax, stateBytes)
  }

  /** Drop every activation; what waits goes on in fresh ones. After the store was reopened. */
  restart(): void {
    for (const space of [...this.spaces.values()]) for (const activation of [...space.values()]) this.close(activation)
  }

  /** Answer and drop everything of one storage id: its data is about to be purged. */
  forget(storage: StorageId): void {
    const space = this.spaces.get(storage)
    if (space === undefined) return
    for (const activation of [...space.values()]) this.close(activation)
  }

  private activation(service: Service, key: string): Activation {
    let space = this.spaces.get(service.storage)
    if (space === undefined) {
      space = new Map()
      this.spaces.set(service.storage, space)
    }
    let activation = space.get(key)
    const now = this.context.clock.now()
    if (activation === undefined) {
      if (this.count >= this.context.limits.activationsMax) this.shrink(this.context.limits.activationsMax - 1, 0)
      activation = new Activation(this.context, service, key)
      this.count += 1
      space.set(key, activation)
    } else if (activation.usedAtMs !== now) {
      // To the end of the order of use, once a millisecond at most.
      space.delete(key)
      space.set(key, activation)
    }
    activation.usedAtMs = now
    return activation
  }

  private close(activation: Activation): void {
    if (activation.closed) return
    activation.closed = true
    const { storage, key } = activation.entity
    const space = this.spaces.get(storage)
    if (space?.get(key) === activation) {
      space.delete(key)
      this.count -= 1
    }
    const service = this.context.services.get(activation.serviceName)
    for (let waiting = activation.mailbox.take(); waiting !== undefined; waiting = activation.mailbox.take()) {
      if (service === undefined) {
        this.waiting -= 1
        const message = `${activation.serviceName} is no longer served; deploy it again`
        waiting.reply({ kind: 'error', error: new InnkeeperError('service_replaced', message) })
        continue
      }
      const fresh = this.activation(service, key)
      fresh.mailbox.put(waiting)
      this.turns.again(fresh)
    }
  }

  /** Least recently used first, down to so many activations and the bytes that limits allow. */
  private shrink(activationsMax: number, stateBytes: number): void {
    let bytes = stateBytes
    const { activationStateBytesMax } = this.context.limits
    for (const space of this.spaces.values()) {
      for (const [key, activation] of space) {
        if (this.count <= activationsMax && bytes <= activationStateBytesMax) return
        if (!activation.idle) continue
        bytes -= activation.stateSize
        activation.passivate()
        this.context.metrics.of(activation.serviceName).passivated()
        space.delete(key)
        this.count -= 1
      }
    }
  }
}
