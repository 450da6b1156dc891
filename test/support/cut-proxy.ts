// Cut proxy: stands between a client and a host, and cuts connections: before the host hears, after it answered, or in the middle.

import type { Socket } from 'node:net'
import { connect, createServer } from 'node:net'

export interface CutProxy {
  /** HOST:PORT. */
  readonly address: string
  /** Heads of the requests that came, in lower case. */
  readonly heads: readonly string[]
  /** The next answers are read and not given: the host did what it was asked. */
  cutAnswers(count: number): void
  /** All connections, now. */
  cut(): void
  /** Where it goes to from now on; undefined: nowhere, connections are closed at once. */
  point(target: string | undefined): void
  stop(): Promise<void>
}

export async function cutProxy(target: string): Promise<CutProxy> {
  let to: string | undefined = target
  let answers = 0
  const heads: string[] = []
  const open = new Set<Socket>()
  const server = createServer((client) => {
    open.add(client)
    client.on('close', () => open.delete(client)).on('error', () => {})
    if (to === undefined) return void client.destroy()
    const [host, port] = to.split(':') as [string, string]
    const upstream = connect(Number(port), host)
    client.on('data', (chunk: Buffer) => {
      const text = chunk.toString('latin1')
      if (/^(POST|GET|OPTIONS) /.test(text)) heads.push(text.split('\r\n\r\n')[0]!.toLowerCase())
      upstream.write(chunk)
    })
    upstream.on('data', (chunk: Buffer) => {
      if (answers === 0) return void client.write(chunk)
      answers -= 1
      client.destroy()
    })
    upstream.on('error', () => client.destroy()).on('close', () => client.destroy())
    client.on('close', () => upstream.destroy())
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as { port: number }
  const cut = (): void => {
    for (const socket of open) socket.destroy()
  }
  return {
    address: `127.0.0.1:${port}`,
    heads,
    cutAnswers: (count) => {
      answers = count
    },
    cut,
    point: (target) => {
      to = target
    },
    stop: () => {
      cut()
      return new Promise((resolve) => server.close(() => resolve()))
    },
  }
}
