// A host for tests: in this process on a memory or disk store, or as `inn up` in a process of its own that can be killed.

import type { ChildProcess } from 'node:child_process'
import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { ClientUnaryCall, ServiceError } from '@grpc/grpc-js'
import { Client, credentials, Metadata } from '@grpc/grpc-js'
import pino from 'pino'
import { loadConfig } from '../../host/config.ts'
import type { HostParts } from '../../host/core.ts'
import type { Host } from '../../host/main.ts'
import { startHost } from '../../host/main.ts'
import type { Schema } from '../../host/schema/schema.ts'
import type { Json } from '../../host/transcode/json.ts'
import { toJson } from '../../host/transcode/to-json.ts'
import { toMessage } from '../../host/transcode/to-message.ts'
import { linked } from './linked.ts'
import { partitions } from './store.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))

export function temporary(): { path: string; remove: () => void } {
  const path = mkdtempSync(join(tmpdir(), 'innkeeper-test-'))
  return { path, remove: () => rmSync(path, { recursive: true, force: true }) }
}

/** In this process, on free ports; what was linked before is not linked again. `flags` are settings by name. No service waits for having failed, and no
 *  batch shrinks on a slow machine. */
export async function testHost(data: string, flags: Record<string, string> = {}, parts: HostParts = {}): Promise<Host> {
  const patient = { 'stop-wait-ms': '1000', 'throttled-percent-max': '100', 'batch-ms': '60000' }
  const all = {
    data,
    listen: '127.0.0.1:0',
    admin: '127.0.0.1:0',
    partitions: String(partitions),
    ...patient,
    ...flags,
  }
  const { config } = loadConfig({ flags: all, env: {}, directory: data })
  return startHost(config, { log: pino({ level: 'silent' }), link: linked, ...parts })
}

export interface HttpAnswer {
  readonly status: number
  readonly headers: Headers
  readonly text: string
  // biome-ignore lint/suspicious/noExplicitAny: what tests look at is what they assert
  readonly json: any
}

export async function http(
  address: string,
  method: string,
  path: string,
  body?: unknown,
  headers: Record<string, string> = {},
): Promise<HttpAnswer> {
  const raw = typeof body === 'string' || body instanceof Uint8Array
  const response = await fetch(`http://${address}${path}`, {
    method,
    headers: { ...(body === undefined ? {} : { 'content-type': 'application/json' }), ...headers },
    ...(body === undefined ? {} : { body: raw ? (body as string) : JSON.stringify(body) }),
  })
  const text = await response.text()
  let json: unknown
  try {
    json = JSON.parse(text)
  } catch {
    json = undefined
  }
  return { status: response.status, headers: response.headers, text, json }
}

/** Once no more than `left` entities are in memory. */
export async function passivated(host: Host, left = 0): Promise<void> {
  for (;;) {
    const { text } = await http(host.admin, 'GET', '/metrics')
    if (Number(/^innkeeper_activations (\d+)$/m.exec(text)?.[1]) <= left) return
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
}

export interface GrpcAnswer {
  readonly code: number
  readonly message: string
  // biome-ignore lint/suspicious/noExplicitAny: as above
  readonly json: any
  readonly trailer: Metadata | undefined
}

/** Unary calls with JSON in and out, through grpc-js. */
export function grpcClient(address: string, schema: Schema): { call: GrpcCall; close: () => void } {
  const client = new Client(address, credentials.createInsecure())
  const bytes = (value: Buffer) => value
  return {
    close: () => client.close(),
    call: (target, json, headers = {}) => {
      const [service, name] = target.split('/') as [string, string]
      const method = schema.services.get(service)!.methods.get(name)!
      const metadata = new Metadata()
      for (const [key, value] of Object.entries(headers)) metadata.add(key, value)
      const payload = json instanceof Uint8Array ? json : toMessage(schema, method.input, json)
      return new Promise((resolve) => {
        const call: ClientUnaryCall = client.makeUnaryRequest(
          `/${target}`,
          bytes,
          bytes,
          Buffer.from(payload),
          metadata,
          (error: ServiceError | null, reply?: Buffer) => {
            if (error !== null)
              resolve({ code: error.code, message: error.details, json: undefined, trailer: error.metadata })
            else
              resolve({
                code: 0,
                message: '',
                json: JSON.parse(toJson(schema, method.output, reply!)),
                trailer: undefined,
              })
          },
        )
        void call
      })
    },
  }
}

type GrpcCall = (target: string, json: Json | Uint8Array, headers?: Record<string, string>) => Promise<GrpcAnswer>

export function schemaOf(host: Host, service: string): Schema {
  const found = host.services.get(service)
  if (found === undefined) throw new Error(`${service} is not served`)
  return found.schema
}

export interface HostProcess {
  readonly child: ChildProcess
  readonly listen: string
  readonly admin: string
  kill(): Promise<void>
  output(): string
}

/** `inn up` as a user starts it. Rejects with what it printed if it ends before it is ready. */
export function hostProcess(
  data: string,
  args: readonly string[] = [],
  env: Readonly<Record<string, string>> = {},
  /** Where its innkeeper.json is. */
  cwd?: string,
): Promise<HostProcess> {
  return new Promise((resolve, reject) => {
    const all = [
      'up',
      '--data',
      data,
      '--listen',
      '127.0.0.1:0',
      '--admin',
      '127.0.0.1:0',
      '--json',
      '--log-level',
      'warn',
      ...(partitions === 1 ? [] : ['--partitions', String(partitions)]),
      ...args,
    ]
    const child = spawn(
      process.execPath,
      ['--disable-warning=ExperimentalWarning', join(root, 'host/bin/inn.mjs'), ...all],
      {
        stdio: ['ignore', 'pipe', 'pipe'],
        env: { ...process.env, ...env },
        ...(cwd === undefined ? {} : { cwd }),
      },
    )
    let output = ''
    let errors = ''
    const gone = new Promise<void>((done) => child.once('exit', () => done()))
    child.stderr.on('data', (chunk: Buffer) => {
      errors += chunk
    })
    child.stdout.on('data', (chunk: Buffer) => {
      output += chunk
      if (!output.trimEnd().endsWith('}')) return
      const { listen, admin } = JSON.parse(output) as { listen: string; admin: string }
      resolve({
        child,
        listen,
        admin,
        output: () => errors,
        kill: async () => {
          child.kill('SIGKILL')
          await gone
        },
      })
    })
    child.once('exit', (code) => reject(new Error(`inn up ended with ${code}: ${errors}${output}`)))
  })
}
