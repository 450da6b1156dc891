// Tunnel: a connection through the proxy that a grant names, by CONNECT.
//
// T1. Only a proxy of the grant is used, never one of the environment. It resolves names itself: which addresses those may have is its business then.
// T2. Nothing of a request leaves before the proxy has said yes: what fails here was not sent. Its answer is bounded in bytes and time.

import { connect, type Socket } from 'node:net'
import type { Clock } from '../clock.ts'
import { bare } from './names.ts'

const answerBytesMax = 16 * 1024

interface TunnelParts {
  readonly proxy: URL
  /** As in a URL: HOST:PORT. */
  readonly authority: string
  readonly timeoutMs: number
  readonly clock: Pick<Clock, 'after'>
}

/** `done` is called once: with a connection to the other end, or with why there is none. */
export function tunnel(
  { proxy, authority, timeoutMs, clock }: TunnelParts,
  done: (error: Error | null, socket?: Socket) => void,
): void {
  const socket = connect({ host: bare(proxy.hostname), port: proxy.port === '' ? 80 : Number(proxy.port) })
  let answer = Buffer.alloc(0)
  const end = (what: string | undefined, cause?: Error) => {
    timer.cancel()
    socket.removeAllListeners('data')
    socket.removeAllListeners('end')
    socket.removeAllListeners('error')
    if (what === undefined) {
      done(null, socket)
      return
    }
    // It may fail once more as it is closed.
    socket.on('error', () => {})
    socket.destroy()
    done(new Error(`the proxy ${proxy.host} ${what}`, cause === undefined ? undefined : { cause }))
  }
  const timer = clock.after(timeoutMs, () => end(`has not answered within ${timeoutMs} ms`))
  socket.on('connect', () => socket.write(`CONNECT ${authority} HTTP/1.1\r\nhost: ${authority}\r\n\r\n`))
  socket.on('error', (error) => end(`cannot be reached: ${error.message}`, error))
  socket.on('end', () => end('has closed the connection'))
  socket.on('data', (piece: Buffer) => {
    answer = Buffer.concat([answer, piece])
    const head = answer.indexOf('\r\n\r\n')
    if (head === -1) {
      if (answer.length > answerBytesMax) end('answers without end')
      return
    }
    const status = /^HTTP\/1\.[01] (\d{3})/.exec(answer.toString('latin1', 0, head))?.[1]
    if (status === undefined) end('does not speak HTTP')
    else if (!status.startsWith('2')) end(`answered ${status}`)
    // Nobody has been asked anything beyond it yet.
    else if (answer.length > head + 4) end('says more than it was asked')
    else end(undefined)
  })
}
