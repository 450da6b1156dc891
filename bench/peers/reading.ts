// Reading: what a peer has stored, asked over HTTP as clients do.

import http from 'node:http'
import type { Asking } from './peer.ts'

const atOnce = 32
const answerMs = 60_000
const firstMs = 90_000
const attemptMs = 10

export interface Stored {
  /** Of all keys. */
  readonly sum: number
  /** Lengths of the texts that there are. */
  readonly lengths: ReadonlySet<number>
}

export async function stored(port: number, { read }: Asking, keys: number): Promise<Stored> {
  const agent = new http.Agent({ keepAlive: true, maxSockets: atOnce })
  const lengths = new Set<number>()
  let sum = 0
  let next = 0
  const some = async () => {
    while (next < keys) {
      const { method, path } = read
      const key = `k${next++}`
      const text = await ask(port, method, path.replace('KEY', key), agent).answer
      const answer = JSON.parse(text) as { value?: string | number; text?: string }
      sum += Number(answer.value ?? 0)
      if (answer.text !== undefined && answer.text !== '') lengths.add(answer.text.length)
    }
  }
  try {
    await Promise.all(Array.from({ length: atOnce }, some))
  } finally {
    agent.destroy()
  }
  return { sum, lengths }
}

/** Until any of many requests, each on its own connection, is answered: one that a starting server has taken may hang. */
export async function firstAnswer(port: number, { read }: Asking, alive: () => void): Promise<void> {
  const started = performance.now()
  const open = new Set<ReturnType<typeof ask>>()
  let answered = false
  let last = ''
  for (let index = 0; !answered; index++) {
    alive()
    if (performance.now() - started > firstMs) throw new Error(`no answer in ${firstMs} ms; the last error: ${last}`)
    if (open.size < atOnce) {
      const one = ask(port, read.method, read.path.replace('KEY', `k${index % atOnce}`), false)
      open.add(one)
      one.answer
        .then(
          () => (answered = true),
          (error: Error) => (last = error.message),
        )
        .finally(() => open.delete(one))
    }
    await new Promise((resolve) => setTimeout(resolve, attemptMs))
  }
  for (const one of open) one.request.destroy()
}

function ask(
  port: number,
  method: string,
  path: string,
  agent: http.Agent | false,
): { readonly request: http.ClientRequest; readonly answer: Promise<string> } {
  const request = http.request({ host: '127.0.0.1', port, method, path, agent, timeout: answerMs })
  const answer = new Promise<string>((resolve, reject) => {
    request.once('response', (response) => {
      let text = ''
      response.setEncoding('utf8')
      response.on('data', (chunk: string) => {
        text += chunk
      })
      response.once('error', reject)
      response.once('end', () =>
        response.statusCode === 200 ? resolve(text) : reject(new Error(`${path}: ${response.statusCode} ${text}`)),
      )
    })
    request.once('timeout', () => request.destroy(new Error(`${path}: no answer in ${answerMs} ms`)))
    request.once('error', reject)
  })
  request.end()
  return { request, answer }
}
