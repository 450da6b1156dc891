// inn call --batch: many calls, one JSON object a line, all in flight on one connection, and one line for the answer of each, in their order.
//
// B1. A line that cannot be sent, and a call that fails, are `{"error": …}` in their place; the others go on. A reply is `{"reply": …}`.
// B2. The exit code is 2 if a line was none, else 1 if a call failed.
// B3. No more than `aheadMax` lines wait here, however long the file is and whoever reads the answers.
//
// Leaves to others: the connection, and commands that it loses (the SDK's client).

import { createReadStream } from 'node:fs'
import { createInterface } from 'node:readline'
import { CallError, type Client, connect } from '@innkeeper/sdk/client'
import { loadSchema } from '../schema/load.ts'
import type { MethodType, Schema } from '../schema/schema.ts'
import type { Json } from '../transcode/json.ts'
import { isObject, parseJson } from '../transcode/json.ts'
import { toJson } from '../transcode/to-json.ts'
import { TranscodeError, toMessage } from '../transcode/to-message.ts'
import { adminClient, Refused } from './client.ts'
import { type Args, CommandFailure, UsageError } from './command.ts'
import { methodNamed, NotNamed, serviceNamed } from './named.ts'

const aheadMax = 2_000
/** How long calls wait for a host that is not there. In milliseconds. */
const patienceMs = 10_000

/** One of its lines is no call. */
class NoCall extends Error {}

interface Answered {
  readonly line: string
  readonly exit: number
}

/** Answers the exit code. */
export async function callBatch(
  args: Args,
  address: string,
  metadata: readonly (readonly [name: string, value: string])[],
): Promise<number> {
  const file = args.text('batch')!
  const [service, more] = args.words
  if (more !== undefined || service?.includes('/')) throw new UsageError('usage: inn call [SERVICE] --batch FILE')
  const client = connect(address, { metadata, patienceMs })
  const calls = new Calls(args, client, service)
  const waiting: Promise<Answered>[] = []
  let code = 0
  const print = async () => {
    const answered = await waiting.shift()!
    code = Math.max(code, answered.exit)
    if (!process.stdout.write(`${answered.line}\n`))
      await new Promise<void>((resolve) => process.stdout.once('drain', () => resolve()))
  }
  try {
    for await (const line of linesOf(file)) {
      if (line.trim() === '') continue
      const { answered } = await calls.begin(line)
      // Its time to be told is its turn to be printed.
      answered.catch(() => {})
      waiting.push(answered)
      if (waiting.length >= aheadMax) await print()
    }
    while (waiting.length > 0) await print()
    return code
  } finally {
    client.destroy()
  }
}

async function* linesOf(file: string): AsyncIterable<string> {
  const input = file === '-' ? process.stdin : createReadStream(file)
  try {
    yield* createInterface({ input })
  } catch (error) {
    throw new CommandFailure(`${file === '-' ? 'standard input' : file}: ${(error as Error).message}`)
  }
}

interface Described {
  /** Its whole name. */
  readonly service: string
  readonly schema: Schema
}

class Calls {
  private readonly args: Args
  private readonly client: Client
  private readonly service: string | undefined
  /** By the names that lines give. */
  private readonly services = new Map<string, Promise<Described>>()
  private number = 0

  constructor(args: Args, client: Client, service: string | undefined) {
    this.args = args
    this.client = client
    this.service = service
  }

  /** Resolves once the call is on its way, so that lines go in their order. */
  async begin(line: string): Promise<{ readonly answered: Promise<Answered> }> {
    this.number += 1
    const { number } = this
    try {
      const call = read(line, this.service)
      const described = await this.described(call.service)
      return { answered: this.call(described, call).then(replied, (error: unknown) => failed(number, error)) }
    } catch (error) {
      return { answered: Promise.resolve(failed(number, error)) }
    }
  }

  /** The reply in JSON. */
  private async call({ service, schema }: Described, { method: name, payload, key }: Line): Promise<string> {
    const method = methodNamed(schema, service, name)
    const options = key === undefined ? {} : { key }
    const reply = await this.client.call(service, method.name, message(schema, method, payload), options)
    return toJson(schema, method.output, reply)
  }

  private described(given: string): Promise<Described> {
    let loading = this.services.get(given)
    if (loading === undefined) {
      loading = this.load(given)
      this.services.set(given, loading)
    }
    return loading
  }

  private async load(given: string): Promise<Described> {
    try {
      const admin = adminClient(this.args)
      const service = await serviceNamed(admin, given)
      const path = `/v1/services/${encodeURIComponent(service)}/descriptors`
      const { descriptors } = await admin.get(path)
      return { service, schema: loadSchema(Buffer.from(descriptors, 'base64')) }
    } catch (error) {
      if (error instanceof Refused) throw new CallError('UNIMPLEMENTED', error.message)
      throw error
    }
  }
}

const replied = (json: string): Answered => ({ line: `{"reply":${json}}`, exit: 0 })

/** What is no answer to the line is thrown on. */
function failed(number: number, error: unknown): Answered {
  if (error instanceof CallError) return { line: told(error.code, error.message), exit: 1 }
  if (error instanceof NotNamed) return { line: told('UNIMPLEMENTED', error.message), exit: 1 }
  if (error instanceof NoCall) return { line: told('INVALID_ARGUMENT', `line ${number}: ${error.message}`), exit: 2 }
  throw error
}

function told(code: string, message: string): string {
  return JSON.stringify({ error: { code, message } })
}

interface Line {
  readonly service: string
  readonly method: string
  readonly payload: Json
  readonly key: string | undefined
}

/** @throws NoCall */
function read(line: string, byDefault: string | undefined): Line {
  let json: Json
  try {
    json = parseJson(line)
  } catch (error) {
    throw new NoCall(`the call is not JSON: ${(error as Error).message}`)
  }
  if (!isObject(json)) throw new NoCall('the call is not a JSON object')
  const { service = byDefault, method, payload = {}, key, ...others } = json
  const [other] = Object.keys(others)
  if (other !== undefined) throw new NoCall(`a call has no ${other}; it has service, method, payload and key`)
  if (typeof service !== 'string')
    throw new NoCall('the call names no service; say "service", or inn call SERVICE --batch FILE')
  if (typeof method !== 'string') throw new NoCall('the call names no method; say "method"')
  if (key !== undefined && typeof key !== 'string') throw new NoCall('"key" is a text')
  return { service, method, payload, key }
}

function message(schema: Schema, method: MethodType, payload: Json): Uint8Array {
  try {
    return toMessage(schema, method.input, payload)
  } catch (error) {
    if (error instanceof TranscodeError) throw new NoCall(error.placed)
    throw error
  }
}
