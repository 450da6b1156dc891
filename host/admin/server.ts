// Admin server: the port for the operator: health, metrics and the API that `inn` is a client of.
//
// A1. A web page must not reach it: any `Origin`, and any `Host` but the bound address or localhost, is refused; changes need a
//     content type that no form can send.
// A2. With a token set, every request but /healthz needs it; away from loopback there always is one (config.ts).
// A3. Bodies are bounded, each and together, in size and in time; errors are google.rpc.Status in JSON like everywhere.
//
// Owns: the port and its doors.   api.ts owns: what the paths do.

import { timingSafeEqual } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import http from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Logger } from 'pino'
import type { Config } from '../config.ts'
import { InnkeeperError, operatorMessage, toInnkeeperError } from '../errors.ts'
import { errorToHttp } from '../ingress/status.ts'
import { written } from '../written.ts'
import type { AdminResult } from './api.ts'
import type { AdminHandler } from './handle.ts'
import { bodyBytesMax } from './handle.ts'
import { Uploads } from './uploads.ts'

export interface AdminServer {
  readonly address: AddressInfo
  close(): Promise<void>
}

export interface AdminDoors {
  readonly config: Pick<Config, 'admin' | 'token' | 'limits'>
  readonly log: Logger
}

/** A whole request has to be there by then. */
const requestMs = 120_000

export async function listenAdmin(doors: AdminDoors, handle: AdminHandler): Promise<AdminServer> {
  const { uploadBytesMax, componentBytesMax } = doors.config.limits
  const uploads = new Uploads(Math.max(uploadBytesMax, componentBytesMax))
  const server = http.createServer({ requestTimeout: requestMs }, (request, response) => {
    serve(doors, handle, uploads, request, response).catch((thrown: unknown) => {
      const error = toInnkeeperError(thrown)
      if (error.code === 'internal') doors.log.error({ err: thrown, path: request.url }, 'an admin request failed')
      const { status, body } = errorToHttp(new InnkeeperError(error.code, operatorMessage(error)))
      if (response.headersSent) {
        response.end(`{"error":${body}}\n`)
        return
      }
      if (error.retryAfterSeconds !== undefined) response.setHeader('retry-after', String(error.retryAfterSeconds))
      send(response, status, 'application/json', body)
      request.resume()
    })
  })
  const { host, port } = doors.config.admin
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, host, () => resolve())
  })
  return {
    address: server.address() as AddressInfo,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}

async function serve(
  doors: AdminDoors,
  handle: AdminHandler,
  uploads: Uploads,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  // Not through URL: it fails on "//", and an entity may be called "..".
  const [path = '/', query = ''] = (request.url ?? '/').split(/\?(.*)/s)
  guard(doors, request, path)
  const { method = 'GET' } = request
  const bytesMax = bodyBytesMax(path, doors.config.limits.componentBytesMax)
  let held = 0
  const hold = (bytes: number): void => {
    uploads.take(bytes)
    held += bytes
  }
  try {
    const body = method === 'GET' ? new Uint8Array() : await readBody(request, bytesMax, hold)
    const wantsLines = request.headers.accept === 'application/x-ndjson'
    const result = await handle(
      { method, path, query, body, wantsLines },
      {
        closed: new Promise((resolve) => response.on('close', resolve)),
        line: async (value) => {
          if (!response.headersSent) response.writeHead(200, { 'content-type': 'application/x-ndjson' })
          await written(response, `${JSON.stringify(value)}\n`)
        },
      },
    )
    answer(response, result)
  } finally {
    uploads.give(held)
  }
}

function answer(response: ServerResponse, result: AdminResult | undefined): void {
  if (response.headersSent) {
    if (result !== undefined) response.write(`${JSON.stringify(result.json ?? result.text)}\n`)
    response.end()
    return
  }
  const { status = 200, text, json, contentType = 'application/json', allow } = result ?? {}
  if (allow !== undefined) response.setHeader('allow', allow)
  send(response, status, contentType, text ?? JSON.stringify(json ?? {}))
}

function guard({ config }: AdminDoors, request: IncomingMessage, path: string): void {
  const { headers, method } = request
  if (headers.origin !== undefined)
    throw new InnkeeperError('forbidden', 'requests of web pages (with an Origin header) are refused on the admin port')
  const name = hostName(headers.host ?? '')
  // Bound to every address, the port is called by the one that the connection came in on.
  const { localAddress = '' } = request.socket
  const allowed = ['localhost', '127.0.0.1', '::1', config.admin.host, localAddress.replace(/^::ffff:/, '')]
  if (!allowed.includes(name)) {
    throw new InnkeeperError(
      'forbidden',
      `the Host header names ${JSON.stringify(name.slice(0, 100))}; use the address the admin port is bound to`,
    )
  }
  if (method !== 'GET') {
    const type = (headers['content-type'] ?? '').split(';')[0]!.trim().toLowerCase()
    if (type !== 'application/json' && type !== 'application/wasm') {
      throw new InnkeeperError('forbidden', 'changes need content-type: application/wasm or application/json')
    }
  }
  const { token } = config
  if (token !== undefined && path !== '/healthz' && !sameText(headers.authorization ?? '', `Bearer ${token}`)) {
    throw new InnkeeperError(
      'unauthenticated',
      'the admin port asks for its token: authorization: Bearer TOKEN (inn: --token or INNKEEPER_TOKEN)',
    )
  }
}

/** The name in a Host header, without port and brackets. */
function hostName(header: string): string {
  return /^\[([^\]]*)\](?::\d+)?$/.exec(header)?.[1] ?? header.replace(/:\d+$/, '').toLowerCase()
}

function sameText(a: string, b: string): boolean {
  const [left, right] = [Buffer.from(a), Buffer.from(b)]
  return left.length === right.length && timingSafeEqual(left, right)
}

/** @param hold is told of bytes before they are kept; what it throws refuses the request */
function readBody(request: IncomingMessage, bytesMax: number, hold: (bytes: number) => void): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    let chunks: Buffer[] | undefined = []
    let size = 0
    const refuse = (error: unknown): void => {
      chunks = undefined
      reject(error)
    }
    request.on('data', (chunk: Buffer) => {
      if (chunks === undefined) return
      size += chunk.length
      if (size > bytesMax) {
        refuse(new InnkeeperError('message_too_large', `the body may have ${bytesMax} bytes`))
        return
      }
      try {
        hold(chunk.length)
        chunks.push(chunk)
      } catch (error) {
        refuse(error)
      }
    })
    request.on('end', () => resolve(Buffer.concat(chunks ?? [])))
    request.on('error', refuse)
  })
}

function send(response: ServerResponse, status: number, contentType: string, body: string): void {
  response.writeHead(status, { 'content-type': contentType, 'content-length': Buffer.byteLength(body) })
  response.end(body)
}
