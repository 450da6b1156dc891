// Router: service and method name a route, the request's key names the entity, and the command is on its way.
//
// R1. Never throws: whatever is wrong is an answer, given exactly once (§call-3).
// R2. A caller waits no longer than its deadline; a command not given to the guest by then is dropped, one that was still
//     commits (§deadline-2). A stream has no deadline but its client's.
// R3. Methods are called either way, whatever they stream: effects and forwards name what they like (§effect-13, §forward-6).
// R4. A service in quarantine is refused.
// R6. A watch is answered by the host alone (entity/watching.ts), and only as a stream (§watch-1).
// R7. What is a connector to the service that forwards leaves the host, whatever is deployed under that name.
// R5. An internal method is called by forwards and effects only (§call-11).
//
// Owns: the way to the entity or action, and the deadline.   Entities and actions own: order and bounds.

import type { Actions } from '../action/actions.ts'
import type { Clock } from '../clock.ts'
import type { Answer, Command, Dispatch, Open, Reply } from '../command.ts'
import { together } from '../commits.ts'
import type { Keeper } from '../delivery/keeper.ts'
import type { Entities } from '../entity/entities.ts'
import { InnkeeperError, internalMethod, toInnkeeperError, unknownMethod } from '../errors.ts'
import { Lifeline } from '../lifeline.ts'
import type { Queries } from '../projection/queries.ts'
import type { MethodType } from '../schema/schema.ts'
import { isStreamed } from '../schema/schema.ts'
import type { Method, Service, Services } from '../services.ts'
import { isEntityService } from '../services.ts'
import type { Deadlines, Pending } from './deadlines.ts'
import { type Quarantine, quarantined } from './quarantine.ts'
import { once, single, streamed } from './streams.ts'

interface RouterParts {
  readonly services: Services
  readonly entities: Entities
  readonly actions: Actions
  readonly queries: Queries
  readonly deadlines: Deadlines
  /** Of the partition that an effect came from. */
  readonly keeperOf: (command: Command) => Keeper
  readonly clock: Clock
  readonly quarantine: Quarantine
  /** A forward goes to what is a connector to the service that forwards (R7). */
  readonly leaves: (command: Command) => boolean
  readonly forwarded: (command: Command, reply: Reply) => void
  /** A forward or side effect named a service or method that is not there (§forward-3). */
  readonly lost: (command: Command) => void
}

interface Route {
  readonly service: Service
  readonly method: Method
}

export function createDispatch(parts: RouterParts): Dispatch {
  const { entities, actions, deadlines, queries } = parts
  const hand = ({ service, method }: Route, command: Command, pending: Pending): void => {
    if (method.type.watch !== undefined) throw isWatch(service.name, method.type)
    if (command.effect?.answer !== undefined && isStreamed(method.type))
      throw cannotBeAsked(service.name, command.method)
    if (service.kind === 'view') queries.ask(service, method, command, pending.answer)
    else if (service.kind !== 'action')
      pending.waiting = entities.put(service, keyFor(service, method, command), command, pending.answer)
    else if (isStreamed(method.type)) runOnce(parts, { service, method }, command, pending.answer)
    else pending.waiting = actions.call(service, command, pending.answer)
  }
  return (command, reply) => {
    try {
      if (parts.leaves(command)) {
        parts.forwarded(command, deadlines.watch(command.deadlineMs, reply).answer)
        return
      }
      const route = routeOf(parts, command)
      const pending = deadlines.watch(command.deadlineMs, reply)
      try {
        hand(route, command, pending)
      } catch (error) {
        pending.answer({ kind: 'error', error: toInnkeeperError(error) })
      }
    } catch (error) {
      const answer: Answer = { kind: 'error', error: toInnkeeperError(error) }
      reply(answer)
    }
  }
}

export function createOpen(parts: RouterParts, dispatch: Dispatch): Open {
  const { entities, actions, clock, queries } = parts
  return (command, receiver) => {
    const life = Lifeline.of(receiver)
    try {
      if (parts.leaves(command)) {
        dispatch(command, single(life))
        return life
      }
      const { service, method } = routeOf(parts, command)
      const deadline = { ms: command.deadlineMs - clock.now(), clock }
      if (method.type.watch !== undefined && isEntityService(service)) {
        const key = method.keyOf(command.payload)
        life.run(entities.watch(service, method, key, streamed(command), life), deadline)
      } else if (!isStreamed(method.type)) dispatch(command, single(life))
      else if (service.kind === 'view') life.run(queries.open(service, method, command, life), deadline)
      else if (service.kind === 'action') {
        life.run(actions.open(service, method, streamed(command), life), deadline)
        if (command.hops > 0) feed(life, method, command)
      } else if (service.kind === 'replicated') {
        const key = method.keyOf(command.payload)
        life.run(entities.open(service, key, streamed(command), life), deadline)
      } else throw unknownMethod(service.name, method.type.name)
    } catch (error) {
      life.end({ kind: 'error', error: toInnkeeperError(error) })
    }
    return life
  }
}

/** An answer is for the entity that asked; all else names its entity. */
function keyFor(service: Service, method: Method, { effect, payload }: Command): string {
  const to = effect?.to
  if (to === undefined) return method.keyOf(payload)
  if (to.storage === service.storage) return to.key
  throw new InnkeeperError(
    'not_found',
    `the answer is for an entity of ${service.name} as it was kept before; its persistence id is another one now`,
  )
}

/** A watch has no end, so nobody waits for it who wants one answer. */
function isWatch(service: string, { name, watch }: MethodType): InnkeeperError {
  return new InnkeeperError(
    'unimplemented',
    `${service}/${name} is a watch, for streams only; call ${service}/${watch}`,
  )
}

function cannotBeAsked(service: string, method: string): InnkeeperError {
  return new InnkeeperError('unimplemented', `${service}/${method} streams; only methods that answer once can be asked`)
}

/** A streamed method of an action, for one answer; if it is an effect, its entry leaves the outbox at the end. */
function runOnce(
  { actions, keeperOf, clock }: RouterParts,
  { service, method }: Route,
  command: Command,
  reply: Reply,
): void {
  if (service.kind !== 'action') return
  const { effect } = command
  const answered: Reply = (answer) => {
    if (effect === undefined || answer.kind !== 'reply') {
      reply(answer)
      return
    }
    const keeper = keeperOf(command)
    keeper.keep(
      { enqueued: [], arrived: [effect.id] },
      () => {},
      (error) => {
        if (error !== undefined) reply({ kind: 'error', error: toInnkeeperError(error) })
        else reply({ ...answer, commits: together(answer.commits, keeper.newest.commits) })
      },
    )
  }
  const life = new Lifeline(once(answered))
  life.run(actions.open(service, method, streamed(command), life), {
    ms: command.deadlineMs - clock.now(),
    clock,
  })
  feed(life, method, command)
}

/** Where a stream is expected, the one message is all of it. */
function feed(stream: Lifeline, { type }: Method, { payload }: Command): void {
  if (!type.clientStreaming) return
  stream.item(payload)
  stream.halfClose()
}

function routeOf({ services, quarantine, lost }: RouterParts, command: Command): Route {
  const service = services.get(command.service)
  const method = service?.methods.get(command.method)
  if (service !== undefined && method !== undefined) {
    const refused = quarantine.of(service.name)
    if (refused !== undefined) throw quarantined(service.name, refused)
    if (method.type.internal && fromOutside(command)) throw internalMethod(service.name, method.type.name)
    return { service, method }
  }
  const missing = services.missing(command.service, command.method)
  if (command.hops > 0 && missing.code !== 'service_unserved') {
    lost(command)
    // No mistake of the caller's: he named another service. An effect has nobody but its operator to be told.
    if (command.effect === undefined) throw forwardedNowhere(command.requestId)
  }
  throw missing
}

/** Forwards and effects have hops; an effect that is tried by hand may begin at none. */
function fromOutside({ hops, effect }: Command): boolean {
  return hops === 0 && effect === undefined
}

function forwardedNowhere(requestId: string): InnkeeperError {
  return new InnkeeperError(
    'guest_fault',
    `the function forwards to a service or method that is not deployed (request ${requestId})`,
  )
}
