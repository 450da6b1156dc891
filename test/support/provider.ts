// A provider of the outside world on this machine, over HTTP: it keeps books by idempotency key, and answers as a test says.

import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

export interface Request {
  readonly method: string
  readonly url: string
  readonly headers: IncomingMessage['headers']
  readonly body: string
  readonly key: string
  /** How manieth of its key it is. */
  readonly time: number
}

type Answer = (request: Request, response: ServerResponse) => void

export class Provider {
  readonly url: string
  /** All requests that were read to their end, in order. */
  readonly requests: Request[] = []
  /** By idempotency key: what was charged. One that was there already changes nothing. */
  readonly books = new Map<string, string>()
  answer: Answer = (request, response) => json(response, 200, this.charge(request))
  private readonly server: Server

  private constructor(server: Server) {
    this.server = server
    this.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
    server.on('request', (message: IncomingMessage, response: ServerResponse) => {
      const chunks: Buffer[] = []
      message.on('data', (chunk: Buffer) => chunks.push(chunk))
      message.on('end', () => {
        const key = String(message.headers['idempotency-key'] ?? '')
        const request: Request = {
          ...{ method: message.method!, url: message.url!, headers: message.headers, key },
          ...{
            body: Buffer.concat(chunks).toString(),
            time: this.requests.filter((one) => one.key === key).length + 1,
          },
        }
        this.requests.push(request)
        this.answer(request, response)
      })
      message.on('error', () => {})
    })
  }

  static async open(): Promise<Provider> {
    const server = createServer()
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    return new Provider(server)
  }

  /** Carries it out, once for each key. */
  charge({ key, body }: Request): { charge: string; cents: number } {
    if (!this.books.has(key)) this.books.set(key, body)
    return { charge: `ch-${key}`, cents: (JSON.parse(body) as { cents: number }).cents }
  }

  close(): void {
    this.server.close()
    this.server.closeAllConnections()
  }
}

export function json(
  response: ServerResponse,
  status: number,
  body: unknown,
  headers: Record<string, string> = {},
): void {
  response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(body))
}
