// Rules: the schedules of a service, as its .proto says them: when each is due, and the request that it sends. Pure.
//
// R1. Whatever is wrong with one is told with the method (§deploy-1). What is planned can be run.
//
// Owns: what a rule means.   schedules.ts owns: running it.   deploy/validate.ts owns: refusing the component.

import { createHash } from 'node:crypto'
import { keyFields, keyReader } from '../schema/entity-key.ts'
import type { MethodType, ScheduleRule, Schema, ServiceType } from '../schema/schema.ts'
import { isStreamed } from '../schema/schema.ts'
import { JsonError, parseJson } from '../transcode/json.ts'
import { TranscodeError, toMessage } from '../transcode/to-message.ts'
import { Times } from './times.ts'

export interface Schedule {
  readonly service: string
  readonly name: string
  readonly method: string
  readonly rule: ScheduleRule
  readonly times: Times
  readonly payload: Uint8Array
  /** Another one where anything of it has changed. */
  readonly hash: string
}

/** Of a component. To find the next time of a rare one takes some milliseconds, and that one is never due some 50. */
export const schedulesMax = 50
const nameMax = 100
const keyBytesMax = 4_096

type Report = (problem: string, method: string) => void

/** What is wrong ends it where it is dear to find. */
interface Planned {
  readonly schedules: readonly Schedule[]
  readonly dear: boolean
}

/** `nowMs`: one that is never due after it is a mistake; undefined: it is deployed, and has had its times. `isEntity`: requests of the service
 *  name one. */
export function planSchedules(
  schema: Schema,
  service: ServiceType,
  isEntity: boolean,
  nowMs: number | undefined,
  report: Report,
): Planned {
  const planned = new Map<string, Schedule>()
  for (const method of service.methods.values())
    for (const rule of method.schedules) {
      const name = rule.name === '' ? method.name : rule.name
      try {
        if (planned.has(name)) throw new Error('has the name of another one of the service')
        const times = timesOf(method, { ...rule, name }, nowMs)
        const payload = payloadOf(schema, method, rule.json, isEntity)
        const hash = createHash('sha256')
          .update(JSON.stringify([method.name, rule]))
          .digest('base64url')
          .slice(0, 16)
        planned.set(name, { service: service.fullName, name, method: method.name, rule, times, payload, hash })
      } catch (error) {
        report(`the schedule ${name.slice(0, nameMax)} ${(error as Error).message}`, method.name)
        if (error instanceof NeverDue) return { schedules: [...planned.values()], dear: true }
      }
    }
  return { schedules: [...planned.values()], dear: false }
}

class NeverDue extends Error {}

function timesOf(method: MethodType, rule: ScheduleRule, nowMs: number | undefined): Times {
  if (rule.name.length > nameMax || !/^[\w.-]+$/.test(rule.name))
    throw new Error(`needs a name of at most ${nameMax} letters, digits and the characters _ . -`)
  if (isStreamed(method)) throw new Error('is of a method that streams; only unary methods have schedules')
  const times = new Times(rule)
  if (nowMs !== undefined && times.after(nowMs) === undefined)
    throw new NeverDue(`is never due: ${JSON.stringify(rule.cron)}`)
  return times
}

function payloadOf(schema: Schema, method: MethodType, json: string, isEntity: boolean): Uint8Array {
  let payload: Uint8Array
  try {
    payload = toMessage(schema, method.input, parseJson(json === '' ? '{}' : json))
  } catch (error) {
    if (error instanceof JsonError) throw new Error(`has a request that is no JSON: ${error.message}`)
    if (error instanceof TranscodeError)
      throw new Error(`has a request that is no ${method.input.fullName}: ${error.placed}`)
    throw error
  }
  if (isEntity && keyFields(method.input).length > 0) checkKey(method, payload)
  return payload
}

function checkKey(method: MethodType, payload: Uint8Array): void {
  try {
    keyReader(method.input, method.name, keyBytesMax)(payload)
  } catch (error) {
    throw new Error(`has a request that names no entity; say it in json (${(error as Error).message})`)
  }
}
