// A server that misbehaves by script: what each connection does is a list of steps, carried out on the bare socket.
//
// M1. A step is done to the end before the next begins. `endless` ends with the connection, and counts what was sent: a client that reads without
//     bounds shows here.

import { once } from 'node:events'
import type { AddressInfo, Server, Socket } from 'node:net'
import { createServer } from 'node:net'
import { createServer as createTlsServer } from 'node:tls'
import type { Certificate } from './certificate.ts'

export type Step =
  /** Wait until a whole request has come: its head, and as many bytes as its content-length says. */
  | 'request'
  /** Wait until any byte has come. */
  | 'byte'
  /** Read nothing more. */
  | 'deaf'
  /** Close without a word (RST). */
  | 'reset'
  /** Close as one should. */
  | 'end'
  /** Nothing, until the client has enough of it. */
  | 'hang'
  /** Bytes to send. */
  | { readonly send: string | Uint8Array }
  /** The same again and again, until the client has enough of it. */
  | { readonly endless: string | Uint8Array }
  /** What a test does in between. */
  | { readonly run: () => void }

export interface Received {
  readonly head: string
  readonly body: Buffer
}

interface Options {
  readonly tls?: Certificate
  readonly host?: string
}

export class Misbehaving {
  /** Whole requests, of all connections. */
  readonly requests: Received[] = []
  connections = 0
  /** Bytes that were sent by `endless` steps, as far as the machine took them. */
  endlessBytes = 0
  private readonly script: (connection: number) => readonly Step[]
  private readonly server: Server
  private readonly sockets = new Set<Socket>()

  private constructor(script: (connection: number) => readonly Step[], { tls }: Options) {
    this.script = script
    const serve = (socket: Socket) => void this.serve(socket)
    this.server = tls === undefined ? createServer(serve) : createTlsServer({ key: tls.key, cert: tls.cert }, serve)
    this.server.on('tlsClientError', () => {})
  }

  /** The same steps for each connection, or those of its number, from 0 on. */
  static async start(
    script: readonly Step[] | ((connection: number) => readonly Step[]),
    options: Options = {},
  ): Promise<Misbehaving> {
    const server = new Misbehaving(typeof script === 'function' ? script : () => script, options)
    server.server.listen(0, options.host ?? '127.0.0.1')
    await once(server.server, 'listening')
    return server
  }

  get port(): number {
    return (this.server.address() as AddressInfo).port
  }

  async stop(): Promise<void> {
    for (const socket of this.sockets) socket.destroy()
    this.server.close()
    await once(this.server, 'close')
  }

  private async serve(socket: Socket): Promise<void> {
    const steps = this.script(this.connections++)
    this.sockets.add(socket)
    const gone = new Promise<void>((resolve) => socket.once('close', () => resolve()))
    socket.on('error', () => {})
    void gone.then(() => this.sockets.delete(socket))
    let come = Buffer.alloc(0)
    let heard: (() => void) | undefined
    socket.on('data', (piece: Buffer) => {
      come = Buffer.concat([come, piece])
      heard?.()
    })
    const more = () =>
      Promise.race([
        gone,
        new Promise<void>((resolve) => {
          heard = resolve
        }),
      ])
    for (const step of steps) {
      if (socket.destroyed) return
      if (step === 'request') {
        for (;;) {
          const taken = requestOf(come)
          if (taken !== undefined) {
            this.requests.push(taken.request)
            come = come.subarray(taken.length)
            break
          }
          await more()
          if (socket.destroyed) return
        }
      } else if (step === 'byte') {
        while (come.length === 0 && !socket.destroyed) await more()
      } else if (step === 'deaf') {
        socket.pause()
      } else if (step === 'reset') {
        socket.resetAndDestroy()
      } else if (step === 'end') {
        socket.end()
      } else if (step === 'hang') {
        await gone
      } else if ('run' in step) {
        step.run()
      } else if ('send' in step) {
        await new Promise<void>((resolve) => socket.write(step.send, () => resolve()))
      } else {
        while (!socket.destroyed) {
          const wrote = new Promise<void>((resolve) =>
            socket.write(step.endless, (error) => {
              if (error === undefined || error === null) this.endlessBytes += step.endless.length
              resolve()
            }),
          )
          await Promise.race([gone, wrote])
        }
      }
    }
    await gone
  }
}

function requestOf(come: Buffer): { readonly request: Received; readonly length: number } | undefined {
  const end = come.indexOf('\r\n\r\n')
  if (end === -1) return undefined
  const head = come.toString('latin1', 0, end)
  const size = Number(/^content-length: (\d+)/im.exec(head)?.[1] ?? 0)
  const length = end + 4 + size
  return come.length < length ? undefined : { request: { head, body: come.subarray(end + 4, length) }, length }
}

/** A whole answer, with the length of its body. */
export function answer(status: number, body = '', headers: Readonly<Record<string, string>> = {}): Step {
  const all = { 'content-type': 'application/json', ...headers, 'content-length': String(Buffer.byteLength(body)) }
  const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`)
  return { send: `HTTP/1.1 ${status} Whatever\r\n${lines.join('')}\r\n${body}` }
}
