// Admin server: the port for the operator: health, metrics and the API that `inn` is a client of.
//
// A1. A web page must not reach it: any `Origin`, and any `Host` but the bound address or localhost, is refused; changes need a
//     content type that no form can send.
// A2. With a token set, every request but /healthz needs it; away from loopback there always is one (config.ts).
// A3. Bodies are bounded; errors are google.rpc.Status in JSON like everywhere.
//
// Owns: the port and its doors.   api.ts owns: what the paths do.

import { timingSafeEqual } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import http from 'node:http'
import type { AddressInfo } from 'node:net'
import { InnkeeperError, toInnkeeperError } from '../errors.ts'
import { errorToHttp } from '../ingress/status.ts'
import { written } from '../written.ts'
import type { AdminRequest, AdminRoute } from './api.ts'
import { adminRoutes } from './api.ts'
import type { AdminContext } from './context.ts'

export interface AdminServer {
  readonly address: AddressInfo
  close(): Promise<void>
}

const jsonBytesMax = 1024 * 1024

export async function listenAdmin(context: AdminContext): Promise<AdminServer> {
  const routes = adminRoutes(context)
  const server = http.createServer((request, response) => {
    serve(context, routes, request, response).catch((thrown: unknown) => {
      const error = toInnkeeperError(thrown)
      if (error.code === 'internal') context.log.error({ err: thrown, path: request.url }, 'an admin request failed')
      if (response.headersSent) {
        response.destroy()
        return
      }
      const { status, body } = errorToHttp(error)
      send(response, status, 'application/json', body)
      request.resume()
    })
  })
  const { host, port } = context.config.admin
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
  context: AdminContext,
  routes: readonly AdminRoute[],
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  // Not through URL: it fails on "//", and an entity may be called "..".
  const [path = '/', query = ''] = (request.url ?? '/').split(/\?(.*)/s)
  guard(context, request, path)
  const matches = routes.filter((route) => route.pattern.test(path))
  const route = matches.find((item) => item.method === request.method)
  if (route === undefined) {
    if (matches.length === 0)
      throw new InnkeeperError('unknown_path', `no such path: ${path.slice(0, 200)}; GET /openapi.json lists them`)
    response.setHeader('allow', [...new Set(matches.map((item) => item.method))].join(', '))
    throw new InnkeeperError('wrong_http_method', `${request.method} is not allowed on ${path.slice(0, 200)}`)
  }
  const body = request.method === 'GET' ? new Uint8Array() : await readBody(request, route.bodyBytesMax ?? jsonBytesMax)
  const adminRequest: AdminRequest = {
    parts: (route.pattern.exec(path) ?? []).slice(1).map(decode),
    query: new URLSearchParams(query),
    body,
    wantsLines: request.headers.accept === 'application/x-ndjson',
    closed: new Promise((resolve) => response.on('close', resolve)),
    line: async (value) => {
      if (!response.headersSent) response.writeHead(200, { 'content-type': 'application/x-ndjson' })
      await written(response, `${JSON.stringify(value)}\n`)
    },
  }
  const result = await route.run(adminRequest)
  if (response.headersSent) {
    if (result !== undefined) response.write(`${JSON.stringify(result.json ?? result.text)}\n`)
    response.end()
    return
  }
  const { status = 200, text, json, contentType = 'application/json' } = result ?? {}
  send(response, status, contentType, text ?? JSON.stringify(json ?? {}))
}

function guard(context: AdminContext, request: IncomingMessage, path: string): void {
  const { headers, method } = request
  if (headers.origin !== undefined)
    throw new InnkeeperError('forbidden', 'requests of web pages (with an Origin header) are refused on the admin port')
  const name = hostName(headers.host ?? '')
  // Bound to every address, the port is called by the one that the connection came in on.
  const { localAddress = '' } = request.socket
  const allowed = ['localhost', '127.0.0.1', '::1', context.config.admin.host, localAddress.replace(/^::ffff:/, '')]
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
  const { token } = context.config
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

function readBody(request: IncomingMessage, bytesMax: number): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = []
    let size = 0
    request.on('data', (chunk: Buffer) => {
      size += chunk.length
      if (size <= bytesMax) chunks.push(chunk)
      else reject(new InnkeeperError('message_too_large', `the body may have ${bytesMax} bytes`))
    })
    request.on('end', () => resolve(Buffer.concat(chunks)))
    request.on('error', reject)
  })
}

function decode(part: string): string {
  try {
    return decodeURIComponent(part)
  } catch {
    throw new InnkeeperError('bad_request', `the path has a malformed escape: ${part.slice(0, 100)}`)
  }
}

function send(response: ServerResponse, status: number, contentType: string, body: string): void {
  response.writeHead(status, { 'content-type': contentType, 'content-length': Buffer.byteLength(body) })
  response.end(body)
}
