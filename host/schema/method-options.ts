// Method options: what a .proto says of a method besides its messages: HTTP rules, events, who may call it, when the host does, and what a query
// answers; of a service that is a view or a connector, and of a column of a view.

import type { Budget } from './reading.ts'
import { flag, int, part, readWith, spend, text } from './reading.ts'
import type { ColumnRule, ConnectorRule, HttpRule, MethodType, QueryRule, ScheduleRule, ViewRule } from './schema.ts'

export interface RawMethodOptions {
  http: HttpRule | undefined
  eventing: MethodType['eventing']
  internal: boolean
  answers: string | undefined
  watch: string | undefined
  schedules: ScheduleRule[]
  query: QueryRule | undefined
}

export const httpOption = 72295728
export const methodOption = 51083
export const scheduleOption = 51084
export const viewOption = 51085
export const queryOption = 51086
export const columnOption = 51087
export const connectorOption = 51088
export const eventingOptions = { innkeeper: 51081, cloudstate: 1081 } as const

export function noMethodOptions(): RawMethodOptions {
  const nothing = { http: undefined, eventing: undefined, answers: undefined, watch: undefined, query: undefined }
  return { ...nothing, internal: false, schedules: [] }
}

export function readMethodOptions(bytes: Uint8Array, into: RawMethodOptions, budget: Budget): void {
  readWith(bytes, {
    [httpOption]: part((rule) => (into.http = readHttpRule(rule, budget, 3))),
    [eventingOptions.innkeeper]: part(() => (into.eventing = 'innkeeper')),
    [eventingOptions.cloudstate]: part(() => (into.eventing ??= 'cloudstate')),
    [queryOption]: part((query) => (into.query = readQuery(query, budget))),
    [scheduleOption]: part((schedule) => into.schedules.push(readSchedule(schedule, budget))),
    [methodOption]: part((settings) => {
      readWith(settings, {
        1: flag((v) => (into.internal = v)),
        2: text((v) => (into.answers = v === '' ? undefined : v)),
        3: text((v) => (into.watch = v === '' ? undefined : v)),
      })
      // Nobody but the host knows what was answered.
      if (into.answers !== undefined) into.internal = true
    }),
  })
}

/** Of a service's options: where it is a view. */
export function readView(bytes: Uint8Array, budget: Budget): ViewRule | undefined {
  let rule: { row: string; from: string[] } | undefined
  readWith(bytes, {
    [viewOption]: part((view) => {
      const read = (rule ??= { row: '', from: [] })
      spend(budget)
      readWith(view, {
        1: text((v) => (read.row = v)),
        2: text((v) => {
          spend(budget)
          read.from.push(v)
        }),
      })
    }),
  })
  return rule
}

/** Of a service's options: where it is a connector. */
export function readConnector(bytes: Uint8Array): ConnectorRule | undefined {
  let rule: { -readonly [K in keyof ConnectorRule]: ConnectorRule[K] } | undefined
  readWith(bytes, {
    [connectorOption]: part((connector) => {
      const read = (rule ??= { name: '', protocol: 'http', encoding: 'json' })
      readWith(connector, {
        1: text((v) => (read.name = v)),
        2: int((v) => (read.protocol = v === 1 ? 'grpc' : 'http')),
        3: int((v) => (read.encoding = v === 1 ? 'form' : 'json')),
      })
    }),
  })
  return rule
}

export function readColumn(bytes: Uint8Array): ColumnRule {
  const rule = { key: false, index: false, name: '' }
  readWith(bytes, {
    1: flag((v) => (rule.key = v)),
    2: flag((v) => (rule.index = v)),
    3: text((v) => (rule.name = v)),
  })
  return rule
}

function readQuery(bytes: Uint8Array, budget: Budget): QueryRule {
  const rule = { sql: '', live: false }
  spend(budget)
  readWith(bytes, { 1: text((v) => (rule.sql = v)), 2: flag((v) => (rule.live = v)) })
  return rule
}

function readSchedule(bytes: Uint8Array, budget: Budget): ScheduleRule {
  const rule = { name: '', cron: '', timeZone: '', missed: 'once' as ScheduleRule['missed'], json: '' }
  spend(budget)
  readWith(bytes, {
    1: text((v) => (rule.name = v)),
    2: text((v) => (rule.cron = v)),
    3: text((v) => (rule.timeZone = v)),
    4: int((v) => (rule.missed = v === 1 ? 'skip' : 'once')),
    5: text((v) => (rule.json = v)),
  })
  return rule
}

function readHttpRule(bytes: Uint8Array, budget: Budget, depth: number): HttpRule {
  const additional: HttpRule[] = []
  const rule = { selector: '', method: undefined as HttpRule['method'], path: '', body: '', responseBody: '' }
  const pattern = (method: HttpRule['method']) =>
    text((path) => {
      rule.method = method
      rule.path = path
    })
  spend(budget)
  readWith(bytes, {
    1: text((v) => (rule.selector = v)),
    2: pattern('GET'),
    3: pattern('PUT'),
    4: pattern('POST'),
    5: pattern('DELETE'),
    6: pattern('PATCH'),
    7: text((v) => (rule.body = v)),
    8: part((v) => {
      let kind = ''
      readWith(v, { 1: text((k) => (kind = k)), 2: text((path) => (rule.path = path)) })
      rule.method = { custom: kind }
    }),
    // One level is legal, a second is reported by deploy/; deeper ones are not even read.
    11: part((v) => {
      if (depth > 0) additional.push(readHttpRule(v, budget, depth - 1))
    }),
    12: text((v) => (rule.responseBody = v)),
  })
  return { ...rule, additional }
}
