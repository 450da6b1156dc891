// Method options: what a .proto says of a method besides its messages: HTTP rules, events, who may call it, and when the host does.

import type { Budget } from './reading.ts'
import { flag, int, part, readWith, spend, text } from './reading.ts'
import type { HttpRule, MethodType, ScheduleRule } from './schema.ts'

export interface RawMethodOptions {
  http: HttpRule | undefined
  eventing: MethodType['eventing']
  internal: boolean
  answers: string | undefined
  watch: string | undefined
  schedules: ScheduleRule[]
}

export const httpOption = 72295728
export const methodOption = 51083
export const scheduleOption = 51084
export const eventingOptions = { innkeeper: 51081, cloudstate: 1081 } as const

export function noMethodOptions(): RawMethodOptions {
  return { http: undefined, eventing: undefined, internal: false, answers: undefined, watch: undefined, schedules: [] }
}

export function readMethodOptions(bytes: Uint8Array, into: RawMethodOptions, budget: Budget): void {
  readWith(bytes, {
    [httpOption]: part((rule) => (into.http = readHttpRule(rule, budget, 3))),
    [eventingOptions.innkeeper]: part(() => (into.eventing = 'innkeeper')),
    [eventingOptions.cloudstate]: part(() => (into.eventing ??= 'cloudstate')),
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
