// Provider: a small provider of payments and mails, for the shop to try itself on. It fails on demand.
//
//   node guests/shop/provider.ts --port 9090 --books build/books.jsonl
//
// POST /v1/charges                    {charge, cents, card, …}: {charge, cents, receipt, state}
// POST /v1/charges/{charge}/refund    the same; final, whether the charge has come or not
// POST /v1/messages                   {id, to, subject, text}
// GET  /books                         all that was taken, given back and mailed
// POST /fail                          {next, how, on}: the next requests of a kind fail so
//
// P1. A request under an `Idempotency-Key` that was answered is answered the same again. Under a key that had another request it is 422.
// P2. What fails is what was asked for: of `hang` and `half` the request is done and the answer is lost, of the others nothing is done.
//
// Leaves to others: what is written down (books.ts).

import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { parseArgs } from 'node:util'
import type { ProviderBooks } from './books.ts'
import { Books, No } from './books.ts'

const hows = ['refuse', '503', 'hang', 'reset', 'half'] as const
const kinds = ['charges', 'refunds', 'mails'] as const
type Kind = (typeof kinds)[number]

export interface Failing {
  /** So many requests. */
  readonly next: number
  readonly how: (typeof hows)[number]
  /** Of this kind; undefined: of any. */
  readonly on?: Kind | undefined
}

export interface Provider {
  readonly url: string
  readonly books: ProviderBooks
  fail(failing: Failing): void
  close(): Promise<void>
}

interface Answer {
  readonly status: number
  readonly body: object
}

type Fields = Readonly<Record<string, unknown>>

const bodyMax = 64 * 1024

/** On this machine only. `port` 0: any. */
export async function startProvider(
  options: { readonly port?: number; readonly books?: string } = {},
): Promise<Provider> {
  const desk = new Desk(new Books(options.books))
  const server = createServer((request, response) => void desk.serve(request, response))
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(options.port ?? 0, '127.0.0.1', resolve)
  })
  const { port } = server.address() as AddressInfo
  return {
    url: `http://127.0.0.1:${port}`,
    get books() {
      return desk.books.all
    },
    fail: (failing) => desk.fail(failing),
    close: () => closed(server),
  }
}

async function closed(server: Server): Promise<void> {
  const done = new Promise<void>((resolve) => server.close(() => resolve()))
  server.closeAllConnections()
  await done
}

class Desk {
  readonly books: Books
  private readonly answers = new Map<string, { readonly request: string; readonly answer: Answer }>()
  private failing: { readonly how: Failing['how']; readonly on: Kind | undefined; left: number } | undefined

  constructor(books: Books) {
    this.books = books
  }

  fail({ next, how, on }: Failing): void {
    this.failing = { left: next, how, on }
  }

  async serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    try {
      const { method = '', url = '' } = request
      const text = await bodyOf(request)
      if (method === 'GET' && url === '/books') said(response, { status: 200, body: this.books.all })
      else if (method !== 'POST') throw new No(404, `there is no ${method} ${url}`)
      else if (url === '/fail') {
        this.fail(failingOf(fieldsOf(text)))
        said(response, { status: 200, body: {} })
      } else this.act(url, fieldsOf(text), keyOf(request, `${url}\n${text}`), response)
    } catch (error) {
      if (error instanceof No) said(response, { status: error.status, body: { error: error.message } })
      else response.destroy()
    }
  }

  private act(url: string, fields: Fields, key: Key | undefined, response: ServerResponse): void {
    const kind = kindOf(url)
    const how = this.takeFailure(kind)
    if (how === 'reset') {
      response.destroy()
      return
    }
    if (how === 'refuse') throw new No(402, 'refused on demand')
    if (how === '503') throw new No(503, 'not now, on demand')
    const answer = this.answered(kind, url, fields, key)
    if (how === 'half') cut(response, answer)
    else if (how === undefined) said(response, answer)
  }

  private takeFailure(kind: Kind): Failing['how'] | undefined {
    const { failing } = this
    if (failing === undefined || failing.left === 0 || (failing.on ?? kind) !== kind) return undefined
    failing.left--
    return failing.how
  }

  /** Once under one key (P1). A refusal is not kept: nothing was done. */
  private answered(kind: Kind, url: string, fields: Fields, key: Key | undefined): Answer {
    const known = key && this.answers.get(key.key)
    if (known !== undefined && known.request !== key!.request) throw new No(422, 'this key had another request')
    if (known !== undefined) return known.answer
    const answer = { status: 200, body: this.done(kind, url, fields) }
    if (key !== undefined) this.answers.set(key.key, { request: key.request, answer })
    return answer
  }

  private done(kind: Kind, url: string, fields: Fields): object {
    if (kind === 'refunds') return this.books.refund(decodeURIComponent(url.split('/')[3]!))
    if (kind === 'charges')
      return this.books.charge(textOf(fields, 'charge'), Number(fields['cents']), textOf(fields, 'card'))
    const [id, to] = [textOf(fields, 'id'), textOf(fields, 'to')]
    this.books.mail({ id, to, subject: textOf(fields, 'subject'), text: textOf(fields, 'text') })
    return {}
  }
}

interface Key {
  readonly key: string
  readonly request: string
}

function keyOf({ headers }: IncomingMessage, request: string): Key | undefined {
  const key = headers['idempotency-key']
  return typeof key === 'string' ? { key, request } : undefined
}

function kindOf(url: string): Kind {
  if (url === '/v1/charges') return 'charges'
  if (/^\/v1\/charges\/[^/]+\/refund$/.test(url)) return 'refunds'
  if (url === '/v1/messages') return 'mails'
  throw new No(404, `there is no POST ${url}`)
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  let text = ''
  for await (const chunk of request.setEncoding('utf8')) {
    text += chunk
    if (text.length > bodyMax) throw new No(413, `a body has at most ${bodyMax} bytes`)
  }
  return text
}

function fieldsOf(text: string): Fields {
  try {
    const fields: unknown = JSON.parse(text === '' ? '{}' : text)
    if (typeof fields === 'object' && fields !== null && !Array.isArray(fields)) return fields as Fields
  } catch {
    // Told below.
  }
  throw new No(400, 'the body is no JSON object')
}

function textOf(fields: Fields, name: string): string {
  const text = fields[name]
  if (typeof text !== 'string' || text === '') throw new No(400, `${name}: a text`)
  return text
}

function failingOf({ next, how, on }: Fields): Failing {
  if (typeof next !== 'number' || !(next >= 0)) throw new No(400, 'next: how many requests')
  if (!hows.some((one) => one === how)) throw new No(400, `how: one of ${hows.join(', ')}`)
  if (on !== undefined && !kinds.some((kind) => kind === on)) throw new No(400, `on: one of ${kinds.join(', ')}`)
  return { next, how: how as Failing['how'], on: on as Kind | undefined }
}

function said(response: ServerResponse, { status, body }: Answer): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body))
}

/** Half of the answer, and the end. */
function cut(response: ServerResponse, { status, body }: Answer): void {
  const bytes = Buffer.from(JSON.stringify(body))
  response.writeHead(status, { 'content-type': 'application/json', 'content-length': bytes.length })
  response.write(bytes.subarray(0, Math.floor(bytes.length / 2)), () => response.destroy())
}

if (import.meta.main) {
  const { values } = parseArgs({ options: { port: { type: 'string', default: '9090' }, books: { type: 'string' } } })
  const provider = await startProvider({ port: Number(values.port), ...(values.books && { books: values.books }) })
  console.log(`the provider listens on ${provider.url}; its books: ${provider.url}/books`)
}
