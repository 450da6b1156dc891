// Puppet: a guest of every model whose callers say which bytes it answers (test/fixtures/hostile/puppet.wat), as a component, as an
// artefact, and as calls of it.
//
// An answer of zeros is a decent one: an empty message, no events, no change, no operations, no steps.

import { fileURLToPath } from 'node:url'
import { parse } from '@bytecodealliance/jco'
import { Client, credentials } from '@grpc/grpc-js'
import type { Artefact } from '../../host/guest/artefact.ts'
import { interfaces, sizes } from '../../host/guest/layout.ts'
import { cap } from '../../host/wasm/cap.ts'
import { meter } from '../../host/wasm/meter.ts'
import { readModule, writeModule } from '../../host/wasm/sections.ts'
import { componentOf } from '../../sdk/build/component.ts'
import { compileProtos } from '../../sdk/build/descriptors.ts'
import { Answers } from './answers.ts'
import { renameExports } from './guests.ts'
import { wat } from './hostile.ts'

/** In the order of their numbers in scripts. */
// biome-ignore format: one line
const functions = ['decide', 'evolve', 'value', 'reads', 'replica', 'render', 'changed', 'cancelled', 'call', 'stream'] as const
export type PuppetFunction = (typeof functions)[number]

const boundary: Readonly<Record<string, string>> = {
  value: `${interfaces.value}#decide`,
  reads: `${interfaces.replicated}#reads`,
  replica: `${interfaces.replicated}#decide`,
  render: `${interfaces.replicated}#render`,
  changed: `${interfaces.replicated}#changed`,
  cancelled: `${interfaces.replicated}#cancelled`,
  call: `${interfaces.action}#call`,
  stream: `${interfaces.action}#stream`,
}

/** Where each function's answer lies. */
export function answerAt(name: PuppetFunction): number {
  return 0x10000 + functions.indexOf(name) * 0x100
}

/** Decisions and outcomes of a batch: that of command `index`. */
export function decisionAt(name: 'decide' | 'value' | 'call', index = 0): number {
  return decisions[name] + index * { decide: sizes.decision, value: sizes.valueDecision, call: sizes.outcome }[name]
}
const decisions = { decide: 0x12000, value: 0x14000, call: 0x16000 } as const

/** Pointer and length of the id of the last subscription that `changed` was given. */
export const lastId = 0x1f000
/** Free for what scripts build, to the end of the memory. */
export const free = 0x800000
export const memoryBytes = 512 * 65_536

export const events = 'test.puppet.v1.Events'
export const values = 'test.puppet.v1.Values'
export const replicas = 'test.puppet.v1.Replicas'
export const actions = 'test.puppet.v1.Actions'

/** What a call is to do to the guest's memory before the answer is read. */
export class Script {
  readonly #records: Buffer[] = []

  /** Words of 32 bits from an address on. */
  words(name: PuppetFunction, at: number, ...words: readonly number[]): this {
    const bytes = Buffer.alloc(words.length * 4)
    for (const [index, word] of words.entries()) bytes.writeUInt32LE(word >>> 0, index * 4)
    return this.bytes(name, at, bytes)
  }

  bytes(name: PuppetFunction, at: number, bytes: Uint8Array | readonly number[]): this {
    return this.#record(name, 0, at, Buffer.from(bytes))
  }

  text(name: PuppetFunction, at: number, text: string): this {
    return this.bytes(name, at, Buffer.from(text))
  }

  /** What lies there once more, so often. */
  repeat(name: PuppetFunction, at: number, size: number, times: number): this {
    const bytes = Buffer.alloc(8)
    bytes.writeUInt32LE(size)
    bytes.writeUInt32LE(times, 4)
    return this.#record(name, 4, at, bytes)
  }

  trap(name: PuppetFunction): this {
    return this.#record(name, 1, 0, Buffer.alloc(0))
  }

  loop(name: PuppetFunction): this {
    return this.#record(name, 2, 0, Buffer.alloc(0))
  }

  grow(name: PuppetFunction, pages: number): this {
    return this.#record(name, 3, pages, Buffer.alloc(0))
  }

  /** As it stands at the end of a payload, a note or a state. */
  get done(): Buffer {
    const records = Buffer.concat(this.#records)
    const length = Buffer.alloc(4)
    length.writeUInt32LE(records.length)
    return Buffer.concat([records, length])
  }

  #record(name: PuppetFunction, what: number, at: number, bytes: Buffer): this {
    const head = Buffer.alloc(12)
    head.writeUInt16LE(functions.indexOf(name))
    head.writeUInt16LE(what, 2)
    head.writeUInt32LE(at >>> 0, 4)
    head.writeUInt32LE(bytes.length, 8)
    this.#records.push(head, bytes)
    return this
  }
}

export const nothing = new Script()

/** A request's bytes. */
export function pull(id: string, script: Script): Buffer {
  const tail = script.done
  return Buffer.concat([
    Buffer.from([10, Buffer.byteLength(id)]),
    Buffer.from(id),
    Buffer.from([18, ...varint(tail.length)]),
    tail,
  ])
}

function varint(value: number): number[] {
  return value < 128 ? [value] : [(value & 127) | 128, ...varint(Math.floor(value / 128))]
}

async function core(): Promise<Uint8Array> {
  const folder = fileURLToPath(new URL('../fixtures/hostile/', import.meta.url))
  const project = { directory: folder, name: 'puppet', language: 'c' as const, entry: '', gen: '' }
  const { bytes } = await compileProtos({ ...project, proto: folder, files: ['puppet.proto'] })
  const answers = honestAnswers()
  description(answers, bytes)
  return await parse(wat('puppet', { FIELDS: answers.fields }))
}

/** They are copied from behind to where they are changed (`$begin`). */
function honestAnswers(): Answers {
  const pristine = 0x10000
  return new Answers()
    .words(answerAt('decide') + pristine + 4, decisionAt('decide'))
    .words(answerAt('value') + pristine + 4, decisionAt('value'))
    .words(answerAt('call') + pristine, decisionAt('call'))
}

const described = 0x100000

function description(answers: Answers, descriptors: Uint8Array): void {
  let at = described + sizes.description
  const allot = (size: number): number => {
    const from = at
    at += (size + 7) & ~7
    return from
  }
  const text = (where: number, said: string): void => {
    const from = allot(said.length)
    answers.words(where, from, said.length).text(from, said)
  }
  const services = [events, values, replicas, actions]
  const list = allot(services.length * sizes.service)
  answers.words(described + 16, list, services.length)
  for (const [index, name] of services.entries()) {
    text(list + index * sizes.service, name)
    answers.bytes(list + index * sizes.service + 8, index)
  }
  // Some sees what it reads; Blind sees nothing.
  const views = allot(2 * sizes.methodView)
  answers.words(list + 2 * sizes.service + 64, views, 2)
  text(views, 'Some')
  answers.bytes(views + 8, 3)
  text(views + sizes.methodView, 'Blind')
  answers.bytes(views + sizes.methodView + 8, 1)
  const folded = allot(8)
  text(folded, eventType)
  answers.words(list + 72, folded, 1)
  const from = allot(descriptors.length)
  answers.words(described + 24, from, descriptors.length).bytes(from, ...descriptors)
}

/** What `evolve` takes: an event of this type, whose bytes are a script. */
export const eventType = 'test.puppet.v1.Reply'

export async function puppetComponent(): Promise<Uint8Array> {
  return await componentOf(renameExports(await core(), boundary))
}

/** Without a component around it. */
export async function puppetArtefact(): Promise<Artefact> {
  const metered = writeModule(meter(cap(readModule(await core()), 512, 0)))
  return {
    hash: '0'.repeat(64),
    engine: 0,
    modules: [renameExports(metered, boundary)],
    plan: {
      instances: [{ module: 0, imports: [] }],
      exports: Object.fromEntries(Object.values(interfaces).map((name) => [name, 0])),
      memory: 0,
    },
    description: { sdkName: '', sdkVersion: '', services: [], descriptors: new Uint8Array(), viewServices: [] },
  }
}

export interface Pulled {
  readonly code: number
  readonly message: string
  readonly bytes: Uint8Array
}

/** A stream of answers. */
export interface PulledStream {
  /** Elements that came. */
  readonly elements: () => number
  readonly ended: Promise<Pulled>
  /** Read no more, or go on. */
  pause(): void
  resume(): void
  cancel(): void
}

const same = (bytes: Buffer) => bytes

/** Calls over gRPC. */
export class PuppetClient {
  readonly client: Client

  constructor(address: string) {
    this.client = new Client(address, credentials.createInsecure())
  }

  close(): void {
    this.client.close()
  }

  do(service: string, id: string, script: Script = nothing, method = 'Do'): Promise<Pulled> {
    return new Promise((resolve) => {
      this.client.makeUnaryRequest(`/${service}/${method}`, same, same, pull(id, script), (error, reply) => {
        if (error === null) resolve({ code: 0, message: '', bytes: reply! })
        else resolve({ code: error.code, message: error.details, bytes: new Uint8Array() })
      })
    })
  }

  open(service: string, method: string, id: string, script: Script = nothing): PulledStream {
    const call = this.client.makeServerStreamRequest(`/${service}/${method}`, same, same, pull(id, script))
    let elements = 0
    call.on('data', () => {
      elements += 1
    })
    call.on('error', () => {})
    const ended = new Promise<Pulled>((resolve) => {
      call.on('status', ({ code, details }) => resolve({ code, message: details, bytes: new Uint8Array() }))
    })
    return {
      elements: () => elements,
      ended,
      pause: () => call.pause(),
      resume: () => call.resume(),
      cancel: () => call.cancel(),
    }
  }
}
