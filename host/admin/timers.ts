// Timers and tickets: what an operator may see and do of effects that are due later (delivery/pending.ts) and of deferred replies (delivery/tickets.ts).
//
// T1. A timer is named by when it is due and its effect's id, as it is listed: `1767225600000-42`. Pages go on behind a key of the store.

import type { Pending } from '../delivery/pending.ts'
import type { ShownTicket } from '../delivery/tickets.ts'
import type { EffectEntry } from '../effect.ts'
import { InnkeeperError } from '../errors.ts'
import { refOf } from '../journal/pending-rows.ts'
import { entityId, joinKey } from '../key.ts'
import type { Partition } from '../partition.ts'
import { Placement } from '../placement.ts'
import type { Service } from '../services.ts'
import { isEntityService } from '../services.ts'
import type { AdminRoute } from './api.ts'
import type { AdminContext } from './context.ts'
import { describeEffect } from './effects.ts'
import { keepsEntities, resolveEntity } from './inspect.ts'

const pageMax = 500

export function timerRoutes(context: AdminContext): readonly Omit<AdminRoute, 'pattern'>[] {
  const { services, partitions } = context
  const served = (name: string): Service => {
    const service = services.get(name)
    if (service === undefined) throw new InnkeeperError('not_found', `no service ${name.slice(0, 200)} is deployed`)
    return service
  }
  const found = (timer: string) => timerNamed(partitions.all, timer)
  return [
    {
      method: 'GET',
      path: '/v1/services/{service}/timers',
      summary: 'Effects of a service that are due later, by entity.',
      query: {
        entity: 'Only those of this entity.',
        after: 'Continue after this key: `next` of the page before.',
        limit: `Maximum number of timers: by default and at most ${pageMax}.`,
      },
      run: ({ parts, query }) => {
        const service = served(parts[0]!)
        const id = query.get('entity')
        const key = id === null ? undefined : keyOf(context, service, id)
        const wanted = Math.min(Number(query.get('limit')) || pageMax, pageMax)
        const { items, next } = paged(partitions.all, query.get('after'), wanted, ({ pending }, last, max) => {
          const page = pending.page(service.storage, key, last, max)
          return { items: page.entries, last: page.last }
        })
        return { json: { timers: items.map((entry) => describeTimer(context, service, entry)), next } }
      },
    },
    {
      method: 'POST',
      path: '/v1/timers/{timer}/fire',
      summary: 'Make a timer due now. Answers once its effect is stored in the outbox.',
      run: async ({ parts }) => {
        const [pending, entry] = found(parts[0]!)
        await stored((done) => pending.fire(refOf(entry), done))
        return { json: describeEffect(context, entry) }
      },
    },
    {
      method: 'DELETE',
      path: '/v1/timers/{timer}',
      summary: 'Remove a timer: its effect is never delivered.',
      run: async ({ parts }) => {
        const [pending, entry] = found(parts[0]!)
        await stored((done) => pending.drop([refOf(entry)], done))
        return { json: describeEffect(context, entry) }
      },
    },
    {
      method: 'GET',
      path: '/v1/services/{service}/tickets',
      summary: 'Deferred replies of a service that are not resolved yet.',
      query: { after: 'Continue after this key: `next` of the page before.' },
      run: ({ parts, query }) => {
        const service = served(parts[0]!)
        const { items, next } = paged(partitions.all, query.get('after'), pageMax, ({ tickets }, last, max) => {
          const page = tickets.page(service.storage, last, max)
          return { items: page.tickets, last: page.last }
        })
        return { json: { tickets: items.map((one) => describeTicket(service, one)), next } }
      },
    },
  ]
}

function timerNamed(partitions: readonly Partition[], timer: string): readonly [pending: Pending, entry: EffectEntry] {
  const [, dueMs, id] = /^(\d{1,16})-(\d{1,16})$/.exec(timer) ?? []
  const pending = partitions[new Placement(partitions.length).ofEffect(Number(id))]?.pending
  const entry = id === undefined ? undefined : pending?.find(Number(id), Number(dueMs))
  if (pending !== undefined && entry !== undefined) return [pending, entry]
  throw new InnkeeperError(
    'not_found',
    `no timer ${timer.slice(0, 40)} is pending; it may have fired. \`inn timers SERVICE\` lists them`,
  )
}

/** Also of an entity that has stored nothing but timers. */
function keyOf(context: AdminContext, service: Service, id: string): string {
  return service.keyFieldCount === 1 ? joinKey([id]) : resolveEntity(context, keepsEntities(service), id).key
}

/** A page over all partitions: `next` is a partition and a key of it. */
function paged<T>(
  partitions: readonly Partition[],
  after: string | null,
  wanted: number,
  read: (partition: Partition, last: Buffer | undefined, max: number) => Page<T>,
): { readonly items: readonly T[]; readonly next: string | null } {
  const items: T[] = []
  let [index, last] = cursorOf(after)
  for (; index < partitions.length; index++, last = undefined) {
    const page = read(partitions[index]!, last, wanted - items.length)
    items.push(...page.items)
    if (page.last !== undefined) return { items, next: `${index}.${page.last.toString('base64url')}` }
  }
  return { items, next: null }
}

interface Page<T> {
  readonly items: readonly T[]
  /** Where the next one goes on; undefined: there is none in this partition. */
  readonly last: Buffer | undefined
}

function cursorOf(after: string | null): [index: number, last: Buffer | undefined] {
  if (after === null) return [0, undefined]
  const [, index, key] = /^(\d{1,5})\.([\w-]*)$/.exec(after) ?? []
  if (index === undefined || key === undefined)
    throw new InnkeeperError('bad_request', 'after: give `next` of the page before')
  return [Number(index), key === '' ? undefined : Buffer.from(key, 'base64url')]
}

function describeTimer(context: AdminContext, service: Service, entry: EffectEntry): object {
  const { dueMs = 0, id } = entry
  const of = entry.from?.key ?? ''
  const entity = isEntityService(service) ? entityId(of, service.keyFieldCount) : ''
  return { timer: `${dueMs}-${id}`, entity, ...describeEffect(context, entry) }
}

function describeTicket(service: Service, { entity, name, ticket, waiting }: ShownTicket): object {
  const { method, openedMs, expiresMs, keys, asks } = ticket
  return {
    ticket: name,
    entity: entityId(entity.key, service.keyFieldCount),
    method,
    opened: new Date(openedMs).toISOString(),
    expires: expiresMs === 0 ? null : new Date(expiresMs).toISOString(),
    ...{ keys: keys.length, asks: asks.length, waiting },
  }
}

function stored(begin: (done: (error: Error | undefined) => void) => unknown): Promise<void> {
  return new Promise((resolve, reject) => {
    begin((error) => (error === undefined ? resolve() : reject(error)))
  })
}
