// inn call: one call to a service, JSON in and out, through its gRPC port.
//
// C1. A streamed answer is printed as it comes, a JSON value a line; a failure after that is still one line, and exit code 1.
// C2. Elements of a streamed request are JSON values: one as the argument, or one a line from a file or standard input, sent
//     as they are read.
// C3. Ctrl-C cancels the call, so that the host hears of it.
//
// Leaves to others: many calls at once (call-batch.ts).

import { constants, createReadStream } from 'node:fs'
import { access } from 'node:fs/promises'
import { createInterface } from 'node:readline'
import { text as readAll } from 'node:stream/consumers'
import type { ClientDuplexStream, ServiceError } from '@grpc/grpc-js'
import { Client, credentials, Metadata } from '@grpc/grpc-js'
import { grpcCodeNames } from '../errors.ts'
import { loadSchema } from '../schema/load.ts'
import type { MethodType, Schema } from '../schema/schema.ts'
import type { Json } from '../transcode/json.ts'
import { parseJson } from '../transcode/json.ts'
import { toJson } from '../transcode/to-json.ts'
import { TranscodeError, toMessage } from '../transcode/to-message.ts'
import { adminClient } from './client.ts'
import type { Args, Subcommand } from './command.ts'
import { CommandFailure, UsageError } from './command.ts'
import { readNamed, unread } from './files.ts'
import { callableMethod, serviceNamed } from './named.ts'
import { print } from './print.ts'

export const callCommand: Subcommand = {
  flags: {
    header: {
      type: 'string',
      short: 'H',
      multiple: true,
      help: 'NAME:VALUE to send as metadata; may be given more than once',
    },
    batch: {
      type: 'string',
      help: 'file with one call per line, {"service"?, "method", "payload"?, "key"?}, or - for standard input; all are in flight at once, and answers are printed in order',
    },
    url: { type: 'string', help: 'HOST:PORT of the service port (default: the address that the admin port reports)' },
  },
  words: [0, 3],
  run,
}

async function run(args: Args): Promise<number> {
  if (args.text('batch') !== undefined) {
    const { callBatch } = await import('./call-batch.ts')
    return await callBatch(args, await addressOf(args), headers(args))
  }
  const { service: given, name: said, input } = target(args.words)
  const admin = adminClient(args)
  const service = await serviceNamed(admin, given)
  const { descriptors } = await admin.get(`/v1/services/${encodeURIComponent(service)}/descriptors`)
  const schema = loadSchema(Buffer.from(descriptors, 'base64'))
  const method = await callableMethod(admin, schema, service, said)
  const { clientStreaming, serverStreaming } = method
  // A mistake in a request that is there is found before anybody is called.
  const lines = clientStreaming && (input === '-' || input.startsWith('@'))
  if (lines && input !== '-') await readable(input.slice(1))
  const request = lines ? elements(schema, method, input) : [message(schema, method, await whole(input))]
  const client = new Client(await addressOf(args), credentials.createInsecure())
  const call: Call = { client, path: `/${service}/${method.name}`, schema, method, headers: metadata(args) }
  try {
    if (clientStreaming || serverStreaming) return await stream(call, request)
    for await (const payload of request) print(toJson(schema, method.output, await unary(call, payload)))
    return 0
  } finally {
    client.close()
  }
}

/** SERVICE/METHOD, or SERVICE METHOD, and the request. @throws UsageError */
function target(words: readonly string[]): { service: string; name: string; input: string } {
  const [first = '', ...rest] = words
  const [named, input = '{}', ...more] = first.includes('/') ? words : [`${first}/${rest[0] ?? ''}`, ...rest.slice(1)]
  const match = /^([\w.]+)\/(\w+)$/.exec(named!)
  if (match === null || more.length > 0)
    throw new UsageError('expected SERVICE/METHOD and at most one request, for example Counter/Get \'{"id":"me"}\'')
  return { service: match[1]!, name: match[2]!, input }
}

interface Call {
  readonly client: Client
  readonly path: string
  readonly schema: Schema
  readonly method: MethodType
  readonly headers: Metadata
}

async function whole(input: string): Promise<string> {
  if (input === '-') return readAll(process.stdin)
  return input.startsWith('@') ? file(input.slice(1)) : input
}

function message(schema: Schema, method: MethodType, text: string): Uint8Array {
  let json: Json
  try {
    json = parseJson(text)
  } catch (error) {
    throw new UsageError(`the request is not JSON: ${(error as Error).message}`)
  }
  try {
    return toMessage(schema, method.input, json)
  } catch (error) {
    if (error instanceof TranscodeError) throw new UsageError(error.placed)
    throw error
  }
}

/** One element a line. */
async function* elements(schema: Schema, method: MethodType, input: string): AsyncIterable<Uint8Array> {
  const text = input === '-' ? process.stdin : createReadStream(input.slice(1))
  let number = 0
  try {
    for await (const line of createInterface({ input: text })) {
      number += 1
      if (line.trim() !== '') yield message(schema, method, line)
    }
  } catch (error) {
    if (error instanceof UsageError) throw new UsageError(`line ${number}: ${error.message}`)
    throw new CommandFailure(`${input === '-' ? 'standard input' : input.slice(1)}: ${(error as Error).message}`)
  }
}

async function file(path: string): Promise<string> {
  return (await readNamed(path)).toString('utf8')
}

async function readable(path: string): Promise<void> {
  await access(path, constants.R_OK).catch((error: unknown) => {
    throw unread(path, error)
  })
}

/** HOST:PORT of the service port. */
async function addressOf(args: Args): Promise<string> {
  const given = args.text('url') ?? ((await adminClient(args).get('/v1/host')).listen as string)
  return given.replace(/^https?:\/\//, '')
}

function headers(args: Args): readonly (readonly [name: string, value: string])[] {
  return args.texts('header').map((header) => {
    const at = header.indexOf(':')
    if (at < 1) throw new UsageError(`-H: expected NAME:VALUE, got ${JSON.stringify(header)}`)
    return [header.slice(0, at).trim(), header.slice(at + 1).trim()]
  })
}

function metadata(args: Args): Metadata {
  const result = new Metadata()
  for (const [name, value] of headers(args)) {
    try {
      result.add(name, value)
    } catch (error) {
      throw new UsageError(`-H ${name}: ${(error as Error).message}`)
    }
  }
  return result
}

const bytes = (value: Buffer) => value

function unary({ client, path, headers }: Call, payload: Uint8Array): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    client.makeUnaryRequest(path, bytes, bytes, Buffer.from(payload), headers, (error, reply) => {
      if (error === null) resolve(reply!)
      else reject(failure(error))
    })
  })
}

type Elements = Iterable<Uint8Array> | AsyncIterable<Uint8Array>

/** All shapes but unary: to grpc-js a bidi call, whose request may be one message. Answers the exit code. */
async function stream({ client, path, schema, method, headers }: Call, request: Elements): Promise<number> {
  const call = client.makeBidiStreamRequest(path, bytes, bytes, headers)
  let interrupted = false
  const interrupt = () => {
    interrupted = true
    call.cancel()
  }
  process.once('SIGINT', interrupt)
  // A mistake of the client cancels the call, and is what there is to tell then.
  let mistake: unknown
  send(call, request).catch((error: unknown) => {
    mistake = error
    call.cancel()
  })
  try {
    for await (const element of call) {
      // Waits for a slow pipe, and so does the host.
      if (!process.stdout.write(`${toJson(schema, method.output, element as Buffer)}\n`))
        await new Promise<void>((resolve) => process.stdout.once('drain', () => resolve()))
    }
  } catch (error) {
    if (!interrupted) throw mistake ?? failure(error as ServiceError)
  } finally {
    process.off('SIGINT', interrupt)
    // More lines of standard input need not be waited for.
    process.stdin.destroy()
  }
  return interrupted ? interruptedCode : 0
}

/** As a shell has it: 128 and the number of the signal. */
const interruptedCode = 130

async function send(call: ClientDuplexStream<Buffer, Buffer>, request: Elements): Promise<void> {
  let over = false
  let wake = () => {}
  call.on('drain', () => wake())
  call.on('status', () => {
    over = true
    wake()
  })
  for await (const element of request) {
    if (over) return
    if (call.write(Buffer.from(element))) continue
    await new Promise<void>((resolve) => {
      wake = resolve
    })
  }
  call.end()
}

function failure({ code, details }: ServiceError): CommandFailure {
  return new CommandFailure(`${grpcCodeNames[code] ?? code}: ${details}`)
}
