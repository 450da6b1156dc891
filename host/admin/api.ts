// API: the paths of the admin port. docs/admin-api.md lists them; openapi.ts describes the same table to programs.
//
// P1. One row a path: method, pattern, summary, what it does. Nothing is reachable that is not in the table.
// P2. Reading never changes anything; what changes says what it did.
// P3. Lists come in pages of bounded size, made in slices. What is followed comes line by line, each when the one before was taken, and
//     ends when the client leaves. So no reader holds the loop, nor memory with what it does not read.

import { nextTurn, systemClock } from '../clock.ts'
import type { Became } from '../delivery/outbox.ts'
import type { DeployResult } from '../deploy/deploy.ts'
import { unservedSentence } from '../deploy/unrestored.ts'
import { quotaSentence } from '../disk.ts'
import { serviceNames } from '../doctor/doctor.ts'
import type { EffectEntry } from '../effect.ts'
import { stuckSentence } from '../entity/stuck.ts'
import { InnkeeperError, wire } from '../errors.ts'
import { followers } from '../feed/followers.ts'
import { rescue, rescueMs } from '../fold/rescue.ts'
import { unitsMax } from '../guest/fuel.ts'
import { overlapsIn } from '../ingress/http/overlaps.ts'
import { entityId } from '../key.ts'
import { keepsState } from '../kinds.ts'
import { quarantined } from '../router/quarantine.ts'
import { routesOf, shown } from '../schema/http-rule.ts'
import type { Service } from '../services.ts'
import { isEntityService } from '../services.ts'
import { inPortions } from '../slices.ts'
import { throttledSentence } from '../throttle.ts'
import { Sink } from '../transcode/sink.ts'
import type { AdminResult } from './call.ts'
import { uploadPath } from './call.ts'
import { connectorRoutes } from './connectors.ts'
import type { AdminContext } from './context.ts'
import { describeEffect } from './effects.ts'
import {
  entityState,
  journalPage,
  journalPages,
  keepsEntities,
  listEntities,
  metDamage,
  passedOver,
  pieceMax,
  resolveEntity,
} from './inspect.ts'
import { jsonOf } from './long-json.ts'
import { openApi } from './openapi.ts'
import { scheduleRoutes } from './schedules.ts'
import { timerRoutes } from './timers.ts'
import { viewRoutes } from './views.ts'

export interface AdminRequest {
  /** The pattern's groups, decoded. */
  readonly parts: readonly string[]
  readonly query: URLSearchParams
  readonly body: Uint8Array
  /** The client takes JSON lines (`accept: application/x-ndjson`): progress may be told. */
  readonly wantsLines: boolean
  /** Resolves when the client has taken it, or has left. What tells much waits for it. */
  readonly line: (value: unknown) => Promise<void>
  readonly closed: Promise<unknown>
}

export interface AdminRoute {
  readonly method: 'GET' | 'POST' | 'DELETE'
  /** As in OpenAPI, with {names}. */
  readonly path: string
  readonly pattern: RegExp
  readonly summary: string
  readonly query?: Readonly<Record<string, string>>
  readonly run: (request: AdminRequest) => Promise<AdminResult | undefined> | AdminResult | undefined
}

const followEveryMs = 200
/** How long a try by hand is waited for. */
const retryWaitMs = 10_000
const pageMax = 1_000
/** Services described in one turn. */
const servicesAtOnce = 25
/** Effects, each with a record that is read. */
const effectsAtOnce = 25

export function adminRoutes(context: AdminContext): readonly AdminRoute[] {
  const { services, deployer, journal, commits, entities, outbox, catalog, config, log } = context
  const served = (name: string): Service => {
    const service = services.get(name)
    if (service !== undefined) return service
    const left = deployer.unrestored.find((one) => one.services.includes(name))
    throw left === undefined
      ? services.missing(name, '')
      : new InnkeeperError('service_unserved', unservedSentence(left))
  }
  const describeEffects = async (entries: readonly EffectEntry[]): Promise<readonly object[]> => {
    const described: object[] = []
    await inPortions(
      entries,
      effectsAtOnce,
      (entry) => {
        described.push(describeEffect(context, entry))
      },
      systemClock,
    )
    return described
  }
  const routes: Omit<AdminRoute, 'pattern'>[] = [
    {
      method: 'GET',
      path: '/healthz',
      summary: 'The process runs.',
      run: () => ({ text: 'ok\n', contentType: 'text/plain' }),
    },
    {
      method: 'GET',
      path: '/readyz',
      summary: 'Whether the host serves its services; if not, 503 with the reason.',
      run: () => {
        const reason = context.unready()
        const refused = [...context.quarantine.list()].flatMap(([service, { refused }]) =>
          refused === undefined ? [] : [`${quarantined(service, refused).message}\n`],
        )
        const { restored, heldMs } = context.schedules
        const what = restored
          ? 'the data directory was copied or restored: timers, schedules and what goes to connectors wait until `inn effects resume`\n'
          : 'the clock jumped ahead: timers and schedules wait; see `inn clock`\n'
        const clock = heldMs > 0 ? what : ''
        const text = `${reason ?? 'ready'}\n${refused.join('')}${clock}`
        return { status: reason === undefined ? undefined : wire.unavailable.http, text, contentType: 'text/plain' }
      },
    },
    {
      method: 'GET',
      path: '/metrics',
      summary: 'Metrics in Prometheus text.',
      run: async () => ({
        text: await context.metrics.text(),
        contentType: (await context.metrics.registry()).contentType,
      }),
    },
    {
      method: 'GET',
      path: '/openapi.json',
      summary: 'This API as OpenAPI 3.1.',
      run: () => ({ json: openApi(table) }),
    },
    {
      method: 'GET',
      path: '/v1/host',
      summary: 'Address, data directory, partitions and version of the host.',
      run: () => ({
        json: {
          listen: `${config.listen.host}:${context.listen.port}`,
          directory: catalog.directoryId,
          partitions: catalog.partitions,
          followers: followers(context.partitions.all.map(({ trimming }) => trimming)),
          version: '0.1.0',
        },
      }),
    },
    {
      method: 'POST',
      path: uploadPath,
      summary: 'Deploy the component in the body. If it is refused: 400 with all reasons.',
      query: {
        'dry-run': 'Check everything and answer, but change nothing.',
        force: 'Override all reasons except those about the ownership of services and the number of HTTP rules.',
      },
      run: async ({ body, query, wantsLines, line }) => {
        const result = await deployer.deploy(body, {
          dryRun: flag(query, 'dry-run'),
          force: flag(query, 'force'),
          onProgress: wantsLines ? (step) => void line({ progress: step }) : () => {},
        })
        if (!result.ok) {
          const message = `the component is refused: ${result.reasons.join('; ')}`
          return refused(message, result.reasons)
        }
        return { json: describeDeployed(result) }
      },
    },
    {
      method: 'POST',
      path: '/v1/services/{service}/rollback',
      summary: 'Deploy an earlier version again, with the same checks. If it is refused: 400 with all reasons.',
      query: {
        to: 'Number of the deployment; by default the previous one.',
        'dry-run': 'Check everything and answer, but change nothing.',
        force: 'Override all reasons except those about the ownership of services and the number of HTTP rules.',
      },
      run: async ({ parts, query, wantsLines, line }) => {
        const result = await deployer.rollback(parts[0]!, whole(query, 'to'), {
          dryRun: flag(query, 'dry-run'),
          force: flag(query, 'force'),
          onProgress: wantsLines ? (step) => void line({ progress: step }) : () => {},
        })
        if (result.ok) return { json: describeDeployed(result) }
        const message = `the rollback is refused: ${result.reasons.join('; ')}`
        return refused(message, result.reasons)
      },
    },
    {
      method: 'GET',
      path: '/v1/services',
      summary: 'Services that are served now.',
      run: async () => {
        const { current } = services
        const overlaps = await overlapsIn(current)
        // As text, some a turn: with a thousand services this is megabytes.
        const all: string[] = []
        const tell = (service: Service) => void all.push(JSON.stringify(describeService(service, context, overlaps)))
        await inPortions([...current.services.values()], servicesAtOnce, tell, systemClock)
        return { text: `{"services":[${all.join()}],"unrestored":${JSON.stringify(deployer.unrestored)}}` }
      },
    },
    {
      method: 'GET',
      path: '/v1/services/{service}',
      summary: 'One service: methods, routes, options, every version that was deployed.',
      run: async ({ parts }) => {
        const service = served(parts[0]!)
        const overlaps = await overlapsIn(services.current)
        const { name, description, persistenceId, storage } = service
        const history = catalog
          .deployments()
          .filter((deployment) => deployment.services.some((item) => item.name === name))
          .map(({ number, hash, atMs, forced }) => ({
            deployment: number,
            hash,
            at: time(atMs),
            forced,
            active: number === service.deployment,
          }))
        const { snapshotEvery, passivateAfterMs, stateType, headers } = description
        return {
          json: {
            ...describeService(service, context, overlaps),
            persistenceId,
            storage,
            snapshotEvery,
            passivateAfterMs,
            stateType,
            headers,
            history,
          },
        }
      },
    },
    {
      method: 'POST',
      path: '/v1/services/{service}/release',
      summary: 'End the quarantine of a service that held the host, and serve it again.',
      run: ({ parts }) => {
        const { name } = served(parts[0]!)
        const released = context.quarantine.release(name)
        if (released) log.warn({ service: name }, 'an operator released a service from quarantine')
        return { json: { service: name, released } }
      },
    },
    {
      method: 'DELETE',
      path: '/v1/services/{service}',
      summary: 'Stop serving a service. Its data is kept, unless `purge` is given.',
      query: { purge: 'Permanently delete its journal, snapshots, keys, and the side effects that it caused.' },
      run: async ({ parts, query }) => {
        const service = deployer.undeploy(parts[0]!)
        const purge = flag(query, 'purge')
        const purged = purge ? outbox.purge(service.name) : undefined
        // Before anything else can happen: it may be deployed again while the last of its effects are given up.
        if (purge && keepsState(service.kind)) {
          await commits.alone(() => {
            entities.forget(service.storage)
            return journal.purge(service.storage)
          })
        } else if (keepsState(service.kind)) {
          await context.partitions.tell({ storage: service.storage, why: 'undeployed' })
        }
        await purged
        if (purge) for (const { pending } of context.partitions.all) await pending.purge(service.storage, service.name)
        return { json: { service: service.name, kind: service.kind, purged: purge } }
      },
    },
    {
      method: 'GET',
      path: '/v1/services/{service}/descriptors',
      summary: 'The descriptors of a service: a google.protobuf.FileDescriptorSet in base64.',
      run: ({ parts }) => {
        const sink = new Sink()
        for (const file of served(parts[0]!).schema.files.values()) {
          sink.varint(10)
          sink.view(file.bytes)
        }
        return { json: { descriptors: Buffer.from(sink.finish()).toString('base64') } }
      },
    },
    {
      method: 'GET',
      path: '/v1/services/{service}/entities',
      summary: 'Entities in the order of their ids, or those that are stuck.',
      query: {
        prefix: 'Only entities whose id starts with this prefix.',
        after: 'Continue after this key: `next` of the page before.',
        limit: `Maximum number of entities: 100 by default, at most ${pageMax}.`,
        stuck: 'Only stuck entities.',
      },
      run: async ({ parts, query }) => {
        const service = keepsEntities(served(parts[0]!))
        const limit = Math.min(whole(query, 'limit') || 100, pageMax)
        const after = query.get('after') ?? undefined
        if (!flag(query, 'stuck'))
          return { json: await listEntities(context, service, query.get('prefix') ?? '', after, limit) }
        const stuck = entities.stuck(service).filter(({ id }) => after === undefined || id > after)
        stuck.sort((a, b) => (a.id < b.id ? -1 : 1))
        const page = stuck
          .slice(0, limit)
          .map(({ id, stuck: why }) => ({ id, ...why, message: stuckSentence(service.name, id, why!) }))
        return { json: { entities: page, next: stuck.length > limit ? page.at(-1)!.id : null } }
      },
    },
    {
      method: 'POST',
      path: '/v1/services/{service}/entities/{entity}/rescue',
      summary: 'Replay an entity in a thread of its own with the given fuel, and store its state as a snapshot.',
      query: { fuel: 'Units of fuel for one call of the function.' },
      run: async ({ parts, query, wantsLines, line }) => {
        const service = keepsEntities(served(parts[0]!))
        if (service.kind !== 'event-sourced')
          throw new InnkeeperError(
            'bad_request',
            `${service.name} is not an event-sourced service, so it has nothing to replay`,
          )
        const entity = resolveEntity(context, service, parts[1]!)
        const fuel = whole(query, 'fuel') ?? 0
        if (fuel < 1 || fuel > unitsMax)
          throw new InnkeeperError('bad_request', `fuel: expected 1 to ${unitsMax} units`)
        const id = entityId(entity.key, service.keyFieldCount)
        if (wantsLines) void line({ progress: `folding ${id}` })
        const folder = await deployer.folder(service, rescueMs, fuel)
        try {
          const rescued = await rescue(journal, folder, service, entity, id, config.limits)
          entities.free(entity)
          log.warn({ service: service.name, entity: id, fuel, ...rescued }, 'an entity was rescued')
          return { json: { service: service.name, entity: id, ...rescued } }
        } finally {
          folder.close()
        }
      },
    },
    {
      method: 'GET',
      path: '/v1/services/{service}/entities/{entity}/state',
      summary: "An entity's current or earlier state, with its waiting side effects.",
      query: { at: 'Show the state as of this event number; for values, as of this revision.' },
      run: async ({ parts, query }) => {
        const service = keepsEntities(served(parts[0]!))
        const entity = resolveEntity(context, service, parts[1]!)
        const shown = await entityState(context, service, entity, whole(query, 'at'))
        const id = entityId(entity.key, service.keyFieldCount)
        const ofEntity = ({ cause }: EffectEntry) => cause.service === service.name && cause.entity === id
        const waiting = outbox.page(0, pageMax, ofEntity)
        return { text: jsonOf({ ...shown, effects: await describeEffects(waiting) }) }
      },
    },
    {
      method: 'GET',
      path: '/v1/services/{service}/entities/{entity}/journal',
      summary: "An entity's recorded commands and events.",
      query: {
        from: 'Revision of the first record.',
        limit: `Maximum number of records: 100 by default, at most ${pageMax}. A page of large records has fewer.`,
        follow: 'Keep sending new records, as JSON lines.',
      },
      run: async ({ parts, query, line, closed }) => {
        const service = keepsEntities(served(parts[0]!))
        const entity = resolveEntity(context, service, parts[1]!)
        const from = whole(query, 'from') ?? 1
        const limit = Math.min(whole(query, 'limit') ?? 100, pageMax)
        if (!flag(query, 'follow')) return { json: await journalPages(context, service, entity, from - 1, limit) }
        await follow(context, service, entity, from - 1, line, closed)
        return undefined
      },
    },
    {
      method: 'GET',
      path: '/v1/doctor',
      summary: 'Damage that scrubbing has found, and damage that the host met during other work.',
      run: () => {
        const { scrubbing } = context
        const names = serviceNames(context)
        const findings = [...(scrubbing?.findings.values() ?? [])].map(({ column, storage, entity, what, reason }) => {
          const service = storage === undefined ? null : (names.get(storage)?.name ?? `storage ${storage}`)
          return { column, service, entity: entity ?? null, what, reason }
        })
        const { rounds = 0, values = 0, bytes = 0 } = scrubbing ?? {}
        return {
          json: { scrubbing: scrubbing !== undefined, rounds, values, bytes, findings, met: metDamage(context) },
        }
      },
    },
    {
      method: 'GET',
      path: '/v1/effects',
      summary: 'Side effects that wait or are parked.',
      query: {
        service: 'Only those caused by this service.',
        after: 'Continue after this id: `next` of the page before.',
        limit: `Maximum number of effects: by default and at most ${pageMax}.`,
      },
      run: async ({ query }) => {
        const service = query.get('service')
        const limit = Math.min(whole(query, 'limit') || pageMax, pageMax)
        const page = outbox.page(
          whole(query, 'after') ?? 0,
          limit,
          ({ cause }) => service === null || cause.service === service,
        )
        const next = page.length === limit ? page.at(-1)!.id : null
        const effects = await describeEffects(page)
        return { json: { effects, next, passedOver: passedOver(journal, 'outbox') } }
      },
    },
    {
      method: 'POST',
      path: '/v1/effects/{id}/retry',
      summary: 'Try a parked effect again, and answer with the result within ten seconds.',
      run: async ({ parts }) => {
        const entry = outbox.find(Number(parts[0]))
        if (entry === undefined) throw noEffect(parts[0]!)
        return { json: { ...describeEffect(context, entry), ...(await outbox.retry(entry.id, retryWaitMs)) } }
      },
    },
    {
      method: 'POST',
      path: '/v1/effects/retry',
      summary: 'Try every parked effect again, and answer with the number of each result within ten seconds.',
      query: { service: 'Only those caused by this service.' },
      run: async ({ query }) => ({ json: await retryAll(context, query.get('service') ?? undefined) }),
    },
    {
      method: 'POST',
      path: '/v1/effects/resume',
      summary:
        'Of a directory that was copied or restored: timers, schedules and what goes to connectors wait no longer.',
      run: () => {
        const resumed = context.schedules.restored
        context.release()
        context.schedules.accept()
        if (resumed) log.warn('an operator resumed what is due later, and schedules')
        return { json: { resumed } }
      },
    },
    {
      method: 'DELETE',
      path: '/v1/effects/{id}',
      summary: 'Remove an effect without delivering it.',
      run: ({ parts }) => {
        const entry = outbox.find(Number(parts[0]))
        if (entry === undefined) throw noEffect(parts[0]!)
        const was = describeEffect(context, entry)
        if (!outbox.drop(entry.id)) throw noEffect(parts[0]!)
        return { json: was }
      },
    },
    ...scheduleRoutes(context),
    ...connectorRoutes(context),
    ...timerRoutes(context),
    ...viewRoutes(context),
  ]
  const table: readonly AdminRoute[] = routes.map((route) => {
    // The empty key is a key (entity-key.K2).
    const source = route.path
      .replaceAll('.', '\\.')
      .replace('{entity}', '([^/]*)')
      .replace(/\{\w+\}/g, '([^/]+)')
    return { ...route, pattern: new RegExp(`^${source}$`) }
  })
  return table
}

async function follow(
  context: AdminContext,
  service: Service,
  entity: Parameters<typeof journalPage>[2],
  after: number,
  line: AdminRequest['line'],
  closed: Promise<unknown>,
): Promise<void> {
  let open = true
  closed.then(() => {
    open = false
  })
  for (let at = after; open; ) {
    const { records } = journalPage(context, service, entity, at, pieceMax)
    for (const record of records) {
      if (!open) return
      await line(record)
      at = record.revision
    }
    if (records.length > 0) await nextTurn(systemClock)
    else await Promise.race([new Promise((resolve) => setTimeout(resolve, followEveryMs)), closed])
  }
}

/** A state that takes more than this part of a call's fuel to read is worth a word. */
const readingPart = 0.1

/** What of a service is to be known before its commands are refused. */
function warningsOf(service: Service, entities: AdminContext['entities']): readonly string[] {
  if (!isEntityService(service)) return []
  const { worst, worstPart } = entities.costOf(service)
  if (worst === undefined || worstPart <= readingPart) return []
  const part = Math.round(100 * worstPart)
  return [
    `reading a state of ${worst.bytes.toLocaleString('en-US')} bytes takes ${part} % of the fuel of a call; above 50 % the host refuses commands that make it larger`,
  ]
}

function describeService(
  service: Service,
  { config, entities, disk, quarantine, turns }: AdminContext,
  overlaps: ReadonlyMap<string, readonly string[]>,
): object {
  const methods = [...service.type.methods.values()].map((method) => ({
    name: method.name,
    input: method.input.fullName,
    output: method.output.fullName,
    ...(method.internal ? { internal: true } : {}),
    routes: method.internal ? [] : routesOf(service.name, method).routes.map(shown),
  }))
  const { name, deployment } = service
  const throttled = [...turns.throttled].includes(name) ? [throttledSentence(config.limits)] : []
  const held = heldWarnings(name, quarantine)
  const stored = isEntityService(service)
  const quota = stored ? disk.quota(name, service.storage, true) : undefined
  const full = quota === undefined ? [] : [quotaSentence(quota)]
  const warnings = [...held, ...throttled, ...full, ...warningsOf(service, entities), ...(overlaps.get(name) ?? [])]
  const diskBytes = disk.bytesOf(name, service.storage)
  return { name, kind: service.kind, deployment, diskBytes, methods, warnings }
}

/** That a service held the host, and whether it is refused for it. */
function heldWarnings(service: string, quarantine: AdminContext['quarantine']): readonly string[] {
  const strikes = quarantine.list().get(service)
  if (strikes === undefined) return []
  const { count, held, atMs, refused } = strikes
  const what = `${held.method === '' ? 'a turn' : held.method}${held.entity === '' ? '' : ` of entity ${JSON.stringify(held.entity)}`}`
  const times = `held the host ${count === 1 ? 'once' : `${count} times`}, last with ${what} at ${time(atMs)}`
  return [refused === undefined ? `${times}; it is served again` : `${times}; ${quarantined(service, refused).message}`]
}

/** With all reasons, also as a list. */
function refused(message: string, reasons: readonly string[]): AdminResult {
  const { http: status, grpc: code } = wire.bad_request
  return { status, json: { code, message, reasons, details: [] } }
}

/** Of the file, not of what runs: a dry run answers for services that are not there yet. */
function describeDeployed({ methods, services: names, ...result }: Extract<DeployResult, { ok: true }>): object {
  const services = names.map((name) => ({
    name,
    methods: methods.filter(({ service }) => service === name).map(({ method, routes }) => ({ name: method, routes })),
  }))
  return { ...result, services }
}

function noEffect(id: string): InnkeeperError {
  return new InnkeeperError('not_found', `no effect ${id.slice(0, 40)}; \`inn effects\` lists them`)
}

/** Of tries by hand that go on at once. */
const retriesAtOnce = 100

async function retryAll(context: AdminContext, service: string | undefined): Promise<object> {
  const { outbox } = context
  const parked = outbox
    .list()
    .filter((entry) => entry.parked !== undefined && (service === undefined || entry.cause.service === service))
  const counts: Record<Became['became'], number> = { delivered: 0, parked: 0, waiting: 0, 'under way': 0 }
  const still: object[] = []
  const until = performance.now() + retryWaitMs
  for (let at = 0; at < parked.length; at += retriesAtOnce) {
    const waitMs = Math.max(0, until - performance.now())
    const portion = parked.slice(at, at + retriesAtOnce).map(async (entry) => {
      const became = await outbox.retry(entry.id, waitMs)
      if (became === undefined) return
      counts[became.became] += 1
      if (became.became === 'parked' && still.length < retriesAtOnce)
        still.push({ ...describeEffect(context, entry), ...became })
    })
    await Promise.all(portion)
  }
  return { retried: parked.length, ...counts, still }
}

function flag(query: URLSearchParams, name: string): boolean {
  const value = query.get(name)
  return value !== null && value !== 'false'
}

function whole(query: URLSearchParams, name: string): number | undefined {
  const value = query.get(name)
  if (value === null) return undefined
  if (!/^\d{1,15}$/.test(value))
    throw new InnkeeperError(
      'bad_request',
      `${name}: expected a whole number, got ${JSON.stringify(value.slice(0, 40))}`,
    )
  return Number(value)
}

export function time(ms: number): string {
  return new Date(ms).toISOString()
}
