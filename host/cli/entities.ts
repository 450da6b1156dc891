// inn entities, inn state, inn journal: what entities hold, now and then.

import { printable } from '../printable.ts'
import { type AdminClient, adminClient } from './client.ts'
import type { Args, Subcommand } from './command.ts'
import { UsageError } from './command.ts'
import { serviceNamed } from './named.ts'
import { counted, entityName, print, printJson, printPassedOver, progress, table } from './print.ts'

export const entitiesCommand: Subcommand = {
  flags: {
    prefix: { type: 'string', help: 'only entities whose id starts with this prefix' },
    stuck: { type: 'boolean', help: 'only entities that cannot be loaded, each with the cause' },
    rescue: {
      type: 'string',
      help: 'ID of a stuck entity: replay its events with more fuel than a call has, and store the state as a snapshot',
    },
    fuel: {
      type: 'string',
      help: 'with --rescue: units of fuel per call (normal calls have --fuel-per-command of `inn up`)',
    },
    limit: { type: 'string', help: 'maximum number of results (default 100)' },
  },
  words: [1, 1],
  run: entities,
}

export const stateCommand: Subcommand = {
  flags: { at: { type: 'string', help: 'show the state as of this event number' } },
  words: [2, 2],
  run: state,
}

export const journalCommand: Subcommand = {
  flags: {
    from: { type: 'string', help: 'revision of the first record to show (default 1)' },
    limit: { type: 'string', help: 'maximum number of records (default 100)' },
    follow: { type: 'boolean', help: 'keep printing new records' },
  },
  words: [2, 2],
  run: journal,
}

const limitDefault = 100

async function rescue(args: Args, id: string): Promise<number> {
  if (args.text('fuel') === undefined)
    throw new UsageError(
      '--rescue needs --fuel N, the units of fuel per call (normal calls have --fuel-per-command of `inn up`)',
    )
  const fuel = number(args, 'fuel')
  const client = adminClient(args)
  const service = await serviceNamed(client, args.words[0]!)
  const path = `/v1/services/${encodeURIComponent(service)}/entities/${encodeURIComponent(id)}/rescue?fuel=${fuel}`
  const rescued = await client.change('POST', path, undefined, (line) => {
    if (line.progress !== undefined) progress(line.progress)
  })
  if (args.is('json')) {
    printJson(rescued)
    return 0
  }
  const { sequence, bytes, reading, given } = rescued as Record<string, number>
  print(`${service} ${entityName(id)} was replayed up to event ${sequence}; its state has ${bytes} bytes.`)
  if (reading! > given!)
    print(
      `A call needs ${Math.round(reading!)} units of fuel to read this state but has only ${Math.round(given!)}. Commands on the entity ` +
        'fail until you start `inn up` with a higher --fuel-per-command, or deploy a version that keeps a smaller state.',
    )
  else print('The entity accepts commands again.')
  return 0
}

async function entities(args: Args): Promise<number> {
  const rescued = args.text('rescue')
  if (rescued !== undefined) return await rescue(args, rescued)
  if (args.text('fuel') !== undefined) throw new UsageError('--fuel can only be given with --rescue ID')
  const query = new URLSearchParams()
  if (args.text('prefix') !== undefined) query.set('prefix', args.text('prefix')!)
  const limit = args.text('limit') === undefined ? limitDefault : Number(number(args, 'limit'))
  if (args.is('stuck')) query.set('stuck', 'true')
  const client = adminClient(args)
  const service = await serviceNamed(client, args.words[0]!)
  const path = `/v1/services/${encodeURIComponent(service)}/entities?${query}`
  const { entries, next, passedOver } = await client.pages(path, 'entities', Math.max(1, limit))
  const page = { entities: entries, next, passedOver }
  if (args.is('json')) {
    printJson(page)
    return 0
  }
  if (page.entities.length === 0) print(args.is('stuck') ? 'No entity is stuck.' : 'No entities.')
  else if (args.is('stuck')) {
    for (const { message, told } of page.entities as { message: string; told: string }[])
      print(`${message}\n    (${told})`)
  } else {
    print(
      table(
        entries.map((e: { id: string; revision: number; sequence: number; lastChange: string; damaged?: string }) =>
          e.damaged === undefined
            ? // Values and replicas have changes instead of events.
              [entityName(e.id), e.sequence > 0 ? counted(e.sequence, 'event') : `revision ${e.revision}`, e.lastChange]
            : [entityName(e.id), 'damaged', e.damaged],
        ),
      ),
    )
  }
  if (page.next !== null) print('There are more; narrow the list with --prefix or raise --limit.')
  printPassedOver(passedOver)
  return 0
}

async function state(args: Args): Promise<number> {
  const at = args.text('at') === undefined ? '' : `?at=${number(args, 'at')}`
  const client = adminClient(args)
  const result = await client.get(`${await entityPath(client, args)}/state${at}`)
  if (args.is('json')) {
    printJson(result)
  } else {
    const when =
      result.revision === undefined
        ? `after event ${result.sequence} of ${result.of}`
        : `at revision ${result.revision}`
    print(`${result.service} ${entityName(result.entity)} ${when}`)
    printJson(result.state)
    for (const { method } of result.streams ?? []) print(`an open stream of ${method}`)
    for (const { id, to, parked } of result.effects)
      print(`effect ${id} to ${to} ${parked === null ? 'is waiting' : `is parked: ${parked}`}`)
  }
  return 0
}

interface ShownRecord {
  revision: number
  at: string
  origin?: string
  method: string
  request: unknown
  /** Of what an effect brought. */
  cause?: { service: string; entity: string; revision: number }
  /** What the caller sent. */
  metadata?: [name: string, value: unknown][]
  idempotencyKey?: string
  events: { sequence: number; type: string; data: unknown }[]
  change?: unknown
  effects?: {
    to: string
    synchronous: boolean
    due?: { afterMs?: number; at?: string }
    name?: string
    answer?: string
  }[]
  later?: string
  cancels?: string[]
  resolves?: string[]
}

async function journal(args: Args): Promise<number> {
  const show = (record: ShownRecord) => print(args.is('json') ? JSON.stringify(record) : describe(record))
  const client = adminClient(args)
  const from = args.text('from') === undefined ? 1 : Number(number(args, 'from'))
  const path = `${await entityPath(client, args)}/journal`
  if (args.is('follow')) {
    await client.lines(`${path}?from=${from}&follow`, show)
    return 0
  }
  let left = args.text('limit') === undefined ? limitDefault : Math.max(1, Number(number(args, 'limit')))
  for (let at = from; ; ) {
    const page = await client.get(`${path}?from=${at}&limit=${left}`)
    for (const record of page.records) show(record)
    if (page.records.length === 0 && at === from && !args.is('json')) print(page.note ?? 'Nothing is recorded.')
    at = (page.records.at(-1)?.revision ?? at) + 1
    left -= page.records.length
    if (!page.more || page.records.length === 0) return 0
    if (left > 0) continue
    if (!args.is('json')) print(`There are more; continue with --from ${at}.`)
    return 0
  }
}

function describe(record: ShownRecord): string {
  const what = record.origin === undefined ? '' : `(${record.origin}) `
  const head = `${String(record.revision).padStart(6)}  ${record.at}  ${what}${record.method} ${JSON.stringify(record.request)}`
  const from = [
    ...(record.cause === undefined ? [] : [`an effect of ${causeShown(record.cause)}`]),
    ...(record.metadata ?? []).map(
      ([name, value]) => `${name}: ${typeof value === 'string' ? printable(value) : JSON.stringify(value)}`,
    ),
    // Whoever has a key gets the answer: it is in --json, for who asks for it.
    ...(record.idempotencyKey === undefined ? [] : ['an idempotency key']),
  ]
  const events = record.events.map(
    (event) => `\n        ${event.sequence}  ${event.type} ${JSON.stringify(event.data)}`,
  )
  const change = record.change === undefined ? '' : `\n        ${JSON.stringify(record.change)}`
  const effects = (record.effects ?? []).map((effect) => `\n        effect to ${effect.to}${wordsOf(effect)}`)
  const later = [
    ...(record.later === undefined ? [] : [`\n        answers later: ticket ${record.later}`]),
    ...(record.cancels ?? []).map((name) => `\n        cancels ${name}`),
    ...(record.resolves ?? []).map((ticket) => `\n        resolves ticket ${ticket}`),
  ]
  const caller = from.length === 0 ? '' : `\n        from ${from.join(', ')}`
  return head + caller + events.join('') + change + effects.join('') + later.join('')
}

function wordsOf({ due, name, answer }: NonNullable<ShownRecord['effects']>[number]): string {
  const when = due?.at ?? (due?.afterMs === undefined ? undefined : `after ${due.afterMs} ms`)
  const words = [when, name && `as ${name}`, answer && `answered to ${answer}`].filter((word) => word !== undefined)
  return words.length === 0 ? '' : ` ${words.join(', ')}`
}

/** An action keeps no records: its effects name none. */
function causeShown({ service, entity, revision }: NonNullable<ShownRecord['cause']>): string {
  return revision === 0 ? service : `${service} ${entityName(entity)}, its record ${revision}`
}

async function entityPath(client: AdminClient, args: Args): Promise<string> {
  const service = await serviceNamed(client, args.words[0]!)
  return `/v1/services/${encodeURIComponent(service)}/entities/${encodeURIComponent(args.words[1]!)}`
}

function number(args: Args, name: string): string {
  const text = args.text(name)!
  if (!/^\d+$/.test(text)) throw new UsageError(`--${name}: expected a whole number, got ${JSON.stringify(text)}`)
  return text
}
