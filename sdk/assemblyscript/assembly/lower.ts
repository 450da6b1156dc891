// Lower: answers into memory, laid out as the canonical ABI has it (wit/*.wit; 32-bit memory, UTF-8).
//
//   string, list    8 bytes   pointer 0, length 4          option<string>  12   present (u8) 0, string 4
//   typed          16         type-name 0, data 8          metadata-entry  20   name 0, case (u8) 8, value 12
//   call           32         service 0, method 8, payload 16, metadata 24
//   effect        104         call 0, synchronous (u8) 32, due: case (u8) 40, milliseconds (f64) 48; name (option) 56,
//                             answer (option) 68: method 72, note 80; within: present (u8) 88, milliseconds (f64) 96
//   log-line       12         level (u8) 0, text 4
//   outcome        80         answer 0, effects 40, metadata 48, logs 56, cancels 64, resolves 72; answer: ok or err (u8) 0, then at 4
//                             reply: case (u8) 0, list, call or deferred 4; or failure: code (u8) 0, message 4, details 12
//   deferred       16         ticket 0, within: present (u8) 8, seconds 12
//   resolution     48         ticket 0, method 8, answer: ok or err (u8) 16, list or failure 20; metadata 40
//   decision       88         events 0, outcome 8     (of a value: 92, change: case (u8) 0, list 4; outcome 12)
//   method-view    20         method 0, case (u8) 8, string 12
//   view-service   24         name 0, row-type 8, sources 16
//   source         20         service 0, kind (u8) 8, types 12
//   service        80         name 0, kind (u8) 8, persistence-id 12, snapshot-every 24, passivate-after-ms 28,
//                             state-type 32, state-version 44, headers 56, views 64, events 72
//
// Memory of earlier calls is not clean: every byte that a case reads is written.

import { Bytes } from './bytes'
import { Call, Decision, Header, Refusal, Typed } from './decision'
import { Effect, Resolution } from './effect'
import { Line } from './logs'
import { allocate } from './memory'
import { MethodView, Service } from './service'
import { AnyView } from './view'

export const outcomeBytes: usize = 80
export const serviceBytes: usize = 80
export const viewServiceBytes: usize = 24
const sourceBytes: usize = 20
const lineBytes: usize = 12
const typedBytes: usize = 16
const entryBytes: usize = 20
const effectBytes: usize = 104
const resolutionBytes: usize = 48
const viewBytes: usize = 20

@inline
export function putPair(at: usize, pointer: usize, length: i32): void {
  store<usize>(at, pointer)
  store<i32>(at, length, 4)
}

@inline
export function putBytes(at: usize, bytes: Bytes): void {
  putPair(at, bytes.pointer, bytes.length)
}

/** Half of a surrogate pair becomes U+FFFD: these are names and texts for people, fields have their own writer. */
export function putText(at: usize, text: string): void {
  putBytes(at, Bytes.fromText(text))
}

/** `lines`: what the service has logged for it (`takeLogs`). */
export function putOutcome(outcome: usize, decision: Decision, lines: Line[] | null): void {
  const answer = outcome + 4
  const refusal = decision.refusal
  const forward = decision.forward
  const reply = decision.reply
  const ticket = decision.ticket
  if (refusal !== null) {
    store<u8>(outcome, 1)
    putRefusal(answer, refusal)
  } else {
    store<u8>(outcome, 0)
    if (forward !== null) {
      store<u8>(answer, 1)
      putCall(answer + 4, forward)
    } else if (reply !== null) {
      store<u8>(answer, 0)
      putBytes(answer + 4, reply)
    } else if (ticket !== null) {
      store<u8>(answer, 3)
      putText(answer + 4, ticket)
      store<u8>(answer, decision.withinS == 0 ? 0 : 1, 12)
      store<u32>(answer, decision.withinS, 16)
    } else {
      if (!decision.silent) throw new Error('a decision without an answer')
      store<u8>(answer, 2)
    }
  }
  putEffects(outcome + 40, decision.effects)
  putHeaders(outcome + 48, decision.headers)
  if (lines === null) putPair(outcome + 56, 4, 0)
  else putLines(outcome + 56, lines)
  putTexts(outcome + 64, decision.cancels)
  putResolves(outcome + 72, decision.resolves)
}

function putRefusal(at: usize, refusal: Refusal): void {
  store<u8>(at, <u8>refusal.code)
  putText(at + 4, refusal.message)
  putTyped(at + 12, refusal.details)
}

function putLines(at: usize, lines: Line[]): void {
  const base = allocate(<usize>lines.length * lineBytes)
  for (let i = 0; i < lines.length; i++) {
    const line = unchecked(lines[i])
    store<u8>(base + <usize>i * lineBytes, <u8>line.level)
    putBytes(base + <usize>i * lineBytes + 4, line.text)
  }
  putPair(at, base, lines.length)
}

export function putService(at: usize, service: Service): void {
  const options = service.__options
  putText(at, service.__name())
  store<u8>(at, <u8>service.__kind(), 8)
  putOption(at + 12, options.persistenceId)
  store<i32>(at, options.snapshotEvery, 24)
  store<u32>(at, options.passivateAfterMs, 28)
  putOption(at + 32, service.__stateType())
  putOption(at + 44, options.stateVersion)
  putTexts(at + 56, options.headers)
  putViews(at + 64, options.views)
  putTexts(at + 72, service.__folds)
}

export function putViewService(at: usize, view: AnyView): void {
  putText(at, view.__name)
  putText(at + 8, view.__rowType())
  const sources = view.__sources
  const list = allocate(<usize>sources.length * sourceBytes)
  for (let i = 0; i < sources.length; i++) {
    const source = list + <usize>i * sourceBytes
    putText(source, sources[i].__service)
    store<u8>(source, <u8>sources[i].__kind, 8)
    putTexts(source + 12, sources[i].__types())
  }
  putPair(at + 16, list, sources.length)
}

function putTexts(at: usize, texts: string[]): void {
  const list = allocate(<usize>texts.length * 8)
  for (let i = 0; i < texts.length; i++) putText(list + <usize>i * 8, texts[i])
  putPair(at, list, texts.length)
}

function putViews(at: usize, views: MethodView[]): void {
  const base = allocate(<usize>views.length * viewBytes)
  for (let i = 0; i < views.length; i++) {
    const view = base + <usize>i * viewBytes
    putText(view, unchecked(views[i]).method)
    store<u8>(view, unchecked(views[i]).scope, 8)
    putText(view + 12, unchecked(views[i]).field)
  }
  putPair(at, base, views.length)
}

function putOption(at: usize, text: string | null): void {
  store<u8>(at, text === null ? 0 : 1)
  if (text !== null) putText(at + 4, text)
}

export function putTyped(at: usize, list: Typed[]): void {
  const base = allocate(<usize>list.length * typedBytes)
  for (let i = 0; i < list.length; i++) {
    const item = unchecked(list[i])
    putText(base + <usize>i * typedBytes, item.typeName)
    putBytes(base + <usize>i * typedBytes + 8, item.data)
  }
  putPair(at, base, list.length)
}

function putCall(at: usize, call: Call): void {
  putText(at, call.service)
  putText(at + 8, call.method)
  putBytes(at + 16, call.payload)
  putPair(at + 24, 4, 0)
}

function putEffects(at: usize, list: Effect[]): void {
  const base = allocate(<usize>list.length * effectBytes)
  for (let i = 0; i < list.length; i++) {
    putEffect(base + <usize>i * effectBytes, unchecked(list[i]))
  }
  putPair(at, base, list.length)
}

function putEffect(at: usize, effect: Effect): void {
  putCall(at, effect.call)
  store<u8>(at, effect.synchronous ? 1 : 0, 32)
  store<u8>(at, <u8>effect.__due, 40)
  store<f64>(at, <f64>effect.__dueMs, 48)
  putOption(at + 56, effect.__name)
  const hearing = effect.__hearing
  store<u8>(at, hearing === null ? 0 : 1, 68)
  if (hearing !== null) {
    putText(at + 72, hearing.method)
    putBytes(at + 80, hearing.note)
  }
  store<u8>(at, effect.__withinMs == 0 ? 0 : 1, 88)
  store<f64>(at, <f64>effect.__withinMs, 96)
}

function putResolves(at: usize, list: Resolution[]): void {
  const base = allocate(<usize>list.length * resolutionBytes)
  for (let i = 0; i < list.length; i++) {
    const resolution = unchecked(list[i])
    const item = base + <usize>i * resolutionBytes
    putText(item, resolution.ticket)
    putText(item + 8, resolution.method)
    const refusal = resolution.__refusal
    store<u8>(item, refusal === null ? 0 : 1, 16)
    if (refusal === null) putBytes(item + 20, resolution.__reply)
    else putRefusal(item + 20, refusal)
    putHeaders(item + 40, resolution.__headers)
  }
  putPair(at, base, list.length)
}

function putHeaders(at: usize, list: Header[]): void {
  const base = allocate(<usize>list.length * entryBytes)
  for (let i = 0; i < list.length; i++) {
    const entry = base + <usize>i * entryBytes
    putText(entry, unchecked(list[i]).name)
    store<u8>(entry, unchecked(list[i]).binary ? 1 : 0, 8)
    putBytes(entry + 12, unchecked(list[i]).value)
  }
  putPair(at, base, list.length)
}
