// Inspect: what an operator may see of entities: the list, the state now or then, the journal, decoded.
//
// I1. Nothing here changes an entity or activates one; a state is folded from the journal, apart from the running activation.
// I2. What cannot be decoded is shown as base64, never left out.

import { nextTurn, systemClock } from '../clock.ts'
import { Replica } from '../crdt/replica.ts'
import type { Told } from '../doctor/doctor.ts'
import { ReplicaState } from '../entity/replicated/replica-state.ts'
import { stuckCause, stuckSentence } from '../entity/stuck.ts'
import { InnkeeperError } from '../errors.ts'
import type { EntityRef, JournalRecord } from '../journal/journal.ts'
import type { Stored } from '../journal/stored.ts'
import { entityId, joinKey, splitKey } from '../key.ts'
import type { Metadata } from '../metadata.ts'
import type { Change, Effect, Typed } from '../outcome.ts'
import type { EntityService, EventSourcedService, ReplicatedService, Service, ValueService } from '../services.ts'
import { isEntityService } from '../services.ts'
import type { Column } from '../storage/columns.ts'
import { toJson } from '../transcode/to-json.ts'
import type { AdminContext } from './context.ts'
import { LongJson } from './long-json.ts'

type Parts = Pick<AdminContext, 'journal' | 'config' | 'replicas' | 'deployer' | 'transcoder'>
/** What records are shown with. */
type RecordParts = Omit<Parts, 'deployer' | 'transcoder'>

/** Read and decoded in one turn of the loop. */
export const pieceMax = 100
const pieceBytesMax = 128 * 1024
/** Pieces of one page that were cut for their bytes: of large records a page has few. */
const cutsMax = 4
/** Ways to cut an id into key fields that are tried. */
const keyCutsMax = 1_000

/** @throws InnkeeperError `bad_request` for an action */
export function keepsEntities(service: Service): EntityService {
  if (isEntityService(service)) return service
  const what = service.kind === 'view' ? 'a view: its rows are in a table (`inn sql`)' : 'an action: it keeps nothing'
  throw new InnkeeperError('bad_request', `${service.name} is ${what}`)
}

interface ListedEntity {
  readonly id: string
  readonly key?: readonly string[]
  readonly revision?: number
  readonly sequence?: number
  readonly lastChange?: string
  readonly damaged?: string
}

interface EntitiesPage {
  readonly entities: readonly ListedEntity[]
  readonly next: string | null | undefined
  readonly passedOver: readonly string[]
}

export async function listEntities(
  { journal }: Pick<Parts, 'journal'>,
  service: EntityService,
  prefix: string,
  after: string | undefined,
  limit: number,
): Promise<EntitiesPage> {
  const by = service.kind === 'value' ? 'base' : 'records'
  const entities: ListedEntity[] = []
  let last = after
  for (let more = true; more && entities.length < limit; ) {
    const wanted = Math.min(pieceMax, limit - entities.length)
    const piece = journal.entities(service.storage, prefix, last, wanted, by)
    for (const { key, revision, sequence, lastChangeMs, damaged } of piece) {
      entities.push({
        id: entityId(key, service.keyFieldCount),
        ...(service.keyFieldCount > 1 ? { key: splitKey(key, service.keyFieldCount) } : {}),
        ...(damaged === undefined
          ? { revision, sequence, lastChange: new Date(lastChangeMs).toISOString() }
          : { damaged }),
      })
    }
    last = piece.at(-1)?.key ?? last
    more = piece.length === wanted
    if (more) await nextTurn(systemClock)
  }
  const next = entities.length === limit ? last : null
  return { entities, next, passedOver: passedOver(journal, by === 'base' ? 'bases' : 'journal') }
}

/** Why a list may lack what it should have: parts of a column that cannot be read. */
export function passedOver(journal: Pick<Stored, 'met'>, column: Column): readonly string[] {
  return journal.met
    .filter((met) => met.column === column && met.entity === undefined)
    .map(({ what, reason }) => `${what}: ${reason}`)
}

/** Damage that was met, with the names that an operator knows. */
export function metDamage({ journal, services }: Pick<AdminContext, 'journal' | 'services'>): readonly Told[] {
  return journal.met.map(({ column = null, entity, what, reason }) => {
    if (entity === undefined) return { column, service: null, entity: null, what, reason }
    const service = services.keeper(entity.storage)
    const id = service === undefined ? entity.key : entityId(entity.key, service.keyFieldCount)
    return { column, service: service?.name ?? `storage ${entity.storage}`, entity: id, what, reason }
  })
}

/** The entity that an outward id means. With several key fields an id may mean several: only stored ones count.
 *  @throws InnkeeperError `unknown_entity`, or `bad_request` where it is ambiguous */
export function resolveEntity({ journal }: Pick<Parts, 'journal'>, service: EntityService, id: string): EntityRef {
  const found: EntityRef[] = []
  for (const fields of cuts(id.split('-'), service.keyFieldCount)) {
    const entity = { storage: service.storage, key: joinKey(fields) }
    const stored = service.kind === 'value' ? journal.base(entity) : journal.head(entity)
    if (stored !== undefined) found.push(entity)
  }
  if (found.length === 0)
    throw new InnkeeperError(
      'unknown_entity',
      `${service.name} stores no entity ${JSON.stringify(id.slice(0, 200))}; \`inn entities ${service.name}\` lists the entities`,
    )
  if (found.length > 1)
    throw new InnkeeperError(
      'bad_request',
      `${JSON.stringify(id)} means ${found.length} entities of ${service.name}, since "-" joins their key fields`,
    )
  return found[0]!
}

function effectOf({ call, synchronous, due, name, answer, withinMs }: Effect): object {
  return {
    to: `${call.service}/${call.method}`,
    synchronous,
    ...(due && { due: due.kind === 'after' ? { afterMs: due.ms } : { at: new Date(due.ms).toISOString() } }),
    ...(name !== undefined && { name }),
    ...(answer && { answer: answer.method }),
    ...(withinMs !== undefined && { withinMs }),
  }
}

/** All ways to cut `parts` into `count` fields, joined by "-" within each. */
function* cuts(parts: readonly string[], count: number, tried = { left: keyCutsMax }): Iterable<string[]> {
  if (count === 1) {
    if (tried.left-- > 0) yield [parts.join('-')]
    return
  }
  for (let at = 1; at <= parts.length - (count - 1) && tried.left > 0; at++) {
    for (const rest of cuts(parts.slice(at), count - 1, tried)) yield [parts.slice(0, at).join('-'), ...rest]
  }
}

/** The state now, or after the event, or for values and replicas the revision, `at`.
 *  @throws InnkeeperError `entity_stuck`, or `bad_request` where it is not known any more */
export async function entityState(
  context: Parts,
  service: EntityService,
  entity: EntityRef,
  at: number | undefined,
): Promise<object> {
  if (service.kind === 'event-sourced') return await foldedState(context, service, entity, at)
  const id = entityId(entity.key, service.keyFieldCount)
  const shown =
    service.kind === 'value' ? await value(context, service, entity, at) : replica(context, service, entity, at)
  return { service: service.name, entity: id, ...shown }
}

async function value(
  context: Parts,
  service: ValueService,
  entity: EntityRef,
  at: number | undefined,
): Promise<object> {
  const { journal } = context
  const base = journal.base(entity)!
  if (at === undefined || at === base.revision)
    return { revision: base.revision, state: await stateShown(context, service, base.state) }
  let state: Uint8Array | undefined
  let known = false
  for (let after = 0, more = true; more && after < at; ) {
    const page = journal.history(entity, after, pieceMax, pieceBytesMax)
    for (const { revision, change } of page.records) {
      after = revision
      if (revision > at) break
      known ||= revision === at
      if (change?.kind === 'updated') state = change.value
      else if (change?.kind === 'deleted') state = undefined
    }
    more = page.more && page.records.length > 0
    if (more) await nextTurn(systemClock)
  }
  if (known) return { revision: at, state: await stateShown(context, service, state) }
  throw new InnkeeperError(
    'bad_request',
    `${service.name} has no record of revision ${at}; earlier values are kept only while value-history is on`,
  )
}

function replica(
  { journal, replicas }: Parts,
  service: ReplicatedService,
  entity: EntityRef,
  at: number | undefined,
): object {
  const state = new ReplicaState(journal, entity)
  if (at !== undefined && at !== state.revision)
    throw new InnkeeperError('bad_request', `${service.name} is replicated: only its current state can be shown`)
  while (!state.ready) state.step()
  const streams = journal.subscriptions(entity).map(({ id, method }) => ({ id, method }))
  return { revision: state.revision, state: state.replica.json(replicas.self, replicas.members), streams }
}

/** How long an operator's look may take. */
const foldMs = 60_000

/** Folded off the loop. @throws InnkeeperError `entity_stuck`, `data_damaged` */
async function foldedState(
  context: Parts,
  service: EventSourcedService,
  entity: EntityRef,
  at: number | undefined,
): Promise<object> {
  const { journal, deployer } = context
  const head = journal.head(entity)!
  if (at !== undefined && at > head.sequence)
    throw new InnkeeperError('bad_request', `the entity has no event ${at}; its last event is ${head.sequence}`)
  const { name, stateVersion, deployment, description } = service
  const id = entityId(entity.key, service.keyFieldCount)
  const folder = await deployer.folder(service, foldMs)
  try {
    const folded = await folder.fold({ service: name, id, entity, stateVersion, at })
    if (folded === undefined)
      throw new InnkeeperError('overloaded', `${name} entity ${id} was not folded in ${foldMs / 1000} seconds`)
    if (folded.kind === 'unread') throw new InnkeeperError('data_damaged', folded.message)
    if (folded.kind === 'stuck') {
      const { sequence, typeName, fault } = folded
      const cause = stuckCause(fault.reason, typeName, description.events)
      const sentence = stuckSentence(name, id, { cause, sequence, typeName, deployment, told: fault.told })
      throw new InnkeeperError('entity_stuck', `${sentence} (${fault.told})`)
    }
    const { sequence, state, unwritten } = folded
    if (unwritten !== undefined)
      throw new InnkeeperError(
        'entity_stuck',
        `${name} entity ${id} is folded, but its state cannot be encoded (${unwritten.told})`,
      )
    return {
      service: name,
      entity: id,
      sequence,
      of: head.sequence,
      state: await stateShown(context, service, state),
    }
  } finally {
    folder.close()
  }
}

/** A long one is made JSON by another thread. */
async function stateShown(
  { transcoder }: Pick<Parts, 'transcoder'>,
  { name, schema, description: { stateType } }: Service,
  bytes: Uint8Array | undefined,
): Promise<unknown> {
  if (bytes === undefined) return null
  const type = stateType === undefined ? undefined : schema.messages.get(stateType)
  try {
    const json =
      type === undefined ? transcoder.text(name, schema, bytes) : transcoder.message(name, schema, type, bytes)
    return typeof json === 'string' ? JSON.parse(json) : new LongJson(Buffer.from(await json).toString())
  } catch (error) {
    if (error instanceof InnkeeperError) throw error
    return base64(bytes)
  }
}

function decodeState(service: Service, bytes: Uint8Array): unknown {
  const { stateType } = service.description
  if (stateType !== undefined) return decode(service, stateType, bytes)
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes))
  } catch {
    return base64(bytes)
  }
}

interface ShownRecord {
  readonly revision: number
}

type ShownPage = { records: readonly ShownRecord[]; more: boolean; note?: string }

/** Up to `limit` records, piece by piece. */
export async function journalPages(
  context: RecordParts,
  service: Service,
  entity: EntityRef,
  after: number,
  limit: number,
): Promise<ShownPage> {
  const records: ShownRecord[] = []
  for (let cuts = 0; ; ) {
    const last = records.at(-1)?.revision ?? after
    const wanted = Math.min(pieceMax, limit - records.length)
    const page = journalPage(context, service, entity, last, wanted)
    records.push(...page.records)
    if (page.more && page.records.length < wanted) cuts += 1
    if (!page.more || records.length >= limit || cuts === cutsMax) return { ...page, records }
    await nextTurn(systemClock)
  }
}

export function journalPage(
  { journal, config, replicas }: RecordParts,
  service: Service,
  entity: EntityRef,
  after: number,
  limit: number,
): ShownPage {
  const bytesMax = pieceBytesMax
  // What a replica's base covers is gone, but for its last record.
  const from = service.kind === 'replicated' ? Math.max(after, (journal.base(entity)?.revision ?? 1) - 1) : after
  const page =
    service.kind === 'value'
      ? journal.history(entity, after, limit, bytesMax)
      : journal.records(entity, from, limit, bytesMax)
  const parts = { replicas }
  const shown = { records: page.records.map((record) => show(parts, service, record)), more: page.more }
  if (service.kind !== 'value' || config.valueHistory) return shown
  return { ...shown, note: 'The history of values is not kept; `inn up --value-history on` does from then on.' }
}

function show(parts: Pick<Parts, 'replicas'>, service: Service, record: JournalRecord): ShownRecord {
  const { revision, sequence, deployment, command, origin, events, change, effects, answer, answerMetadata } = record
  const method = service.type.methods.get(command.method)
  const first = sequence - events.length + 1
  return {
    revision,
    sequence,
    deployment,
    at: new Date(command.nowMs).toISOString(),
    ...(origin === 'command' ? {} : { origin }),
    method: command.method,
    request: decode(service, method?.input.fullName, command.payload),
    ...(command.cause === undefined ? {} : { cause: command.cause }),
    ...(command.metadata.length > 0 ? { metadata: showMetadata(command.metadata) } : {}),
    ...(command.idempotencyKey === undefined ? {} : { idempotencyKey: command.idempotencyKey }),
    events: events.map((event: Typed, index) => ({
      sequence: first + index,
      type: event.typeName,
      data: decode(service, event.typeName, event.data),
    })),
    ...(change === undefined ? {} : { change: showChange(parts, service, change) }),
    ...(effects.length > 0 ? { effects: effects.map(effectOf) } : {}),
    ...(answer.kind === 'message' ? { reply: decode(service, method?.output.fullName, answer.payload) } : {}),
    ...(answer.kind === 'later' ? { later: answer.deferred.ticket } : {}),
    ...(record.cancels && { cancels: record.cancels }),
    ...(record.resolves && { resolves: record.resolves.map(({ ticket }) => ticket) }),
    ...(answer.kind === 'forward' ? { forward: `${answer.call.service}/${answer.call.method}` } : {}),
    ...(answerMetadata.length > 0 ? { replyMetadata: showMetadata(answerMetadata) } : {}),
  } as ShownRecord
}

function showChange({ replicas }: Pick<Parts, 'replicas'>, service: Service, change: Change): unknown {
  if (change.kind === 'updated') return { updated: decodeState(service, change.value) }
  if (change.kind === 'deleted') return { deleted: true }
  // What the delta brings; what it takes away is only in its context.
  return { delta: Replica.decode(change.delta).json(replicas.self, replicas.members), bytes: change.delta.length }
}

function showMetadata(metadata: Metadata): unknown {
  return metadata.map(([name, value]) => [
    name,
    typeof value === 'string' ? value : { base64: Buffer.from(value).toString('base64') },
  ])
}

export function decode(service: Service | undefined, typeName: string | undefined, bytes: Uint8Array): unknown {
  const type = typeName === undefined ? undefined : service?.schema.messages.get(typeName)
  try {
    if (type !== undefined) return JSON.parse(toJson(service!.schema, type, bytes))
  } catch {
    // Written by another version, or not what it says: the bytes are still worth seeing.
  }
  return base64(bytes)
}

function base64(bytes: Uint8Array): object {
  return { base64: Buffer.from(bytes).toString('base64') }
}
