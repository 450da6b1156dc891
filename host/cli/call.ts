// inn call: one call to a service, JSON in and out, through its gRPC port.

import { readFile } from 'node:fs/promises'
import { text as readAll } from 'node:stream/consumers'
import { Client, credentials, Metadata } from '@grpc/grpc-js'
import { grpcCodeNames } from '../errors.ts'
import { loadSchema } from '../schema/load.ts'
import type { MethodType, Schema } from '../schema/schema.ts'
import { toJson } from '../transcode/to-json.ts'
import type { Json } from '../transcode/to-message.ts'
import { TranscodeError, toMessage } from '../transcode/to-message.ts'
import { adminClient } from './client.ts'
import type { Args, Subcommand } from './command.ts'
import { CommandFailure, UsageError } from './command.ts'
import { print } from './print.ts'

export const callCommand: Subcommand = {
  name: 'call',
  usage: 'SERVICE/METHOD [JSON | @FILE | -]',
  summary: 'call a method, JSON in and out',
  flags: {
    header: { type: 'string', short: 'H', multiple: true, help: 'NAME:VALUE sent as metadata; may be repeated' },
    url: { type: 'string', help: 'HOST:PORT of the services (default: asked from the admin port)' },
  },
  words: [1, 2],
  run,
}

async function run(args: Args): Promise<number> {
  const [target, input = '{}'] = args.words
  const match = /^([\w.]+)\/(\w+)$/.exec(target!)
  if (match === null) throw new UsageError('expected SERVICE/METHOD, for example examples.counter.v1.Counter/Get')
  const [, service, name] = match as unknown as [string, string, string]
  const admin = adminClient(args)
  const { descriptors } = await admin.get(`/v1/services/${encodeURIComponent(service)}/descriptors`)
  const schema = loadSchema(Buffer.from(descriptors, 'base64'))
  const method = schema.services.get(service)?.methods.get(name)
  if (method === undefined)
    throw new CommandFailure(`${service} has no method ${name}; \`inn services ${service}\` lists them`)
  const payload = await request(schema, method, input)
  const address = (args.text('url') ?? ((await admin.get('/v1/host')).listen as string)).replace(/^https?:\/\//, '')
  print(toJson(schema, method.output, await unary(address, `/${service}/${name}`, payload, metadata(args))))
  return 0
}

async function request(schema: Schema, method: MethodType, input: string): Promise<Uint8Array> {
  const text = input === '-' ? await readAll(process.stdin) : input.startsWith('@') ? await file(input.slice(1)) : input
  let json: Json
  try {
    json = JSON.parse(text) as Json
  } catch (error) {
    throw new UsageError(`the request is no JSON: ${(error as Error).message}`)
  }
  try {
    return toMessage(schema, method.input, json)
  } catch (error) {
    if (error instanceof TranscodeError) throw new UsageError(error.placed)
    throw error
  }
}

async function file(path: string): Promise<string> {
  return readFile(path, 'utf8').catch((error: Error) => {
    throw new CommandFailure(`${path}: ${error.message}`)
  })
}

function metadata(args: Args): Metadata {
  const result = new Metadata()
  for (const header of args.texts('header')) {
    const at = header.indexOf(':')
    if (at < 1) throw new UsageError(`-H: expected NAME:VALUE, got ${JSON.stringify(header)}`)
    try {
      result.add(header.slice(0, at).trim(), header.slice(at + 1).trim())
    } catch (error) {
      throw new UsageError(`-H ${header.slice(0, at)}: ${(error as Error).message}`)
    }
  }
  return result
}

function unary(address: string, path: string, payload: Uint8Array, headers: Metadata): Promise<Uint8Array> {
  const client = new Client(address, credentials.createInsecure())
  const bytes = (value: Buffer) => value
  return new Promise((resolve, reject) => {
    client.makeUnaryRequest(path, bytes, bytes, Buffer.from(payload), headers, (error, reply) => {
      client.close()
      if (error === null) resolve(reply!)
      else reject(new CommandFailure(`${grpcCodeNames[error.code] ?? error.code}: ${error.details}`))
    })
  })
}
