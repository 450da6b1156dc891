// Floor: what this machine can do at all. A bare server with the same durability as Innkeeper and nothing else.
//
// HTTP: node:http, JSON, a Map, and one synced RocksDB batch for all requests of a turn of the loop, before their replies. A GET reads the Map.
// Arguments: `http` or `grpc`; the folder of RocksDB, else one below the system's for temporary files.
// gRPC: a bare grpc-js server with a Map in memory and no storage (the yardstick for the protocol).

import { mkdtempSync } from 'node:fs'
import http from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import grpc from '@grpc/grpc-js'
import { RocksLevel } from '@nxtedition/rocksdb'

const mode = process.argv[2] ?? 'http'
if (mode === 'grpc') await serveGrpc()
else await serveHttp()

async function serveHttp(): Promise<void> {
  const directory = process.argv[3] ?? mkdtempSync(join(tmpdir(), 'innkeeper-floor-'))
  const db = new RocksLevel(directory, {
    keyEncoding: 'buffer',
    valueEncoding: 'buffer',
    columns: { default: {}, journal: {} },
  })
  await db.open({ createIfMissing: true, walCompression: false })
  const counters = new Map<string, number>()
  const notes = new Map<string, number>()
  // As large as Innkeeper's record of the same command.
  const record = Buffer.alloc(200, 7)
  let sequence = 0n
  let queue: { key: Buffer; value: Buffer; done: () => void }[] = []
  const commit = () => {
    const batch = db.batch()
    const committed = queue
    queue = []
    for (const { key, value } of committed) batch._put(key, value, { column: db.columns['journal'] })
    batch._writeSync({ sync: true })
    batch._closeSync()
    for (const { done } of committed) done()
  }
  const server = http.createServer((request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => {
      const [, work, id = '', verb] = request.url!.split('/')
      const values = work === 'notes' ? notes : counters
      if (verb === undefined) return answer(response, values.get(id) ?? 0)
      const { amount = 1, text } = JSON.parse(Buffer.concat(chunks).toString()) as { amount?: number; text?: string }
      const value = (values.get(id) ?? 0) + amount
      values.set(id, value)
      const key = Buffer.allocUnsafe(8 + id.length)
      key.write(id, 8, 'latin1')
      key.writeBigUInt64BE(sequence++, 0)
      queue.push({
        key,
        value: text === undefined ? record : Buffer.from(text),
        done: () => answer(response, value),
      })
      if (queue.length === 1) setImmediate(commit)
    })
  })
  server.listen(0, '127.0.0.1', () =>
    console.log(JSON.stringify({ port: (server.address() as { port: number }).port })),
  )
}

function answer(response: http.ServerResponse, value: number): void {
  const body = JSON.stringify({ value: String(value) })
  response.writeHead(200, { 'content-type': 'application/json', 'content-length': body.length })
  response.end(body)
}

async function serveGrpc(): Promise<void> {
  const values = new Map<string, number>()
  const server = new grpc.Server()
  const same = (bytes: Buffer) => bytes
  server.register(
    '/examples.counter.v1.Counter/Add',
    (call: grpc.ServerUnaryCall<Buffer, Buffer>, callback: grpc.sendUnaryData<Buffer>) => {
      // id = 1, amount = 2 of a small number: enough to answer, as a generated codec would be about as fast.
      const length = call.request[1]!
      const id = call.request.toString('latin1', 2, 2 + length)
      const value = (values.get(id) ?? 0) + call.request[length + 3]!
      values.set(id, value)
      callback(null, Buffer.from([8, value & 127]))
    },
    same,
    same,
    'unary',
  )
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync('127.0.0.1:0', grpc.ServerCredentials.createInsecure(), (error, bound) =>
      error ? reject(error) : resolve(bound),
    )
  })
  console.log(JSON.stringify({ port }))
}
