// Calls of bytes over gRPC and gRPC-Web, each on a connection of its own, for tests that compare protocols.

import type { ServiceError } from '@grpc/grpc-js'
import { Client, credentials, Metadata } from '@grpc/grpc-js'
import { FrameReader, frame } from '../../host/ingress/envelope.ts'

export interface Called {
  readonly code: number
  readonly message: string
  readonly reply: Buffer | undefined
}

export type Call = (
  address: string,
  path: string,
  payload: Uint8Array,
  headers?: Readonly<Record<string, string>>,
) => Promise<Called>

const same = (bytes: Buffer) => bytes

/** A client that shares no connection with others. */
export function ownClient(address: string): Client {
  return new Client(address, credentials.createInsecure(), { 'grpc.use_local_subchannel_pool': 1 })
}

export const grpc: Call = (address, path, payload, headers = {}) => {
  const client = ownClient(address)
  const metadata = new Metadata()
  for (const [name, value] of Object.entries(headers)) metadata.add(name, value)
  return new Promise((resolve) => {
    const answered = (error: ServiceError | null, reply?: Buffer) => {
      client.close()
      resolve({ code: error?.code ?? 0, message: error?.details ?? '', reply })
    }
    client.makeUnaryRequest(path, same, same, Buffer.from(payload), metadata, answered)
  })
}

export const grpcWeb: Call = async (address, path, payload, headers = {}) => {
  const response = await fetch(`http://${address}${path}`, {
    method: 'POST',
    headers: { 'content-type': 'application/grpc-web+proto', ...headers },
    body: new Uint8Array(frame(0, payload)),
  })
  const reader = new FrameReader(10_000_000)
  reader.push(Buffer.from(await response.arrayBuffer()))
  let reply: Buffer | undefined
  for (let next = reader.next(); next !== undefined; next = reader.next()) {
    if (next.flags === 0) {
      reply = Buffer.from(next.payload)
      continue
    }
    const trailer = new Map(
      next.payload
        .toString()
        .trimEnd()
        .split('\r\n')
        .map((line) => line.split(/: (.*)/) as [string, string]),
    )
    return {
      code: Number(trailer.get('grpc-status')),
      message: decodeURIComponent(trailer.get('grpc-message') ?? ''),
      reply,
    }
  }
  throw new Error('the answer has no trailer')
}
