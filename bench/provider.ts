// Provider: the other side of bench/connectors.ts, a process of its own: answers at once, but never to what is below /hang. Prints its port.

import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'

const answer = Buffer.from(JSON.stringify({ charge: 'ch', cents: 1 }))
const server = createServer((request, response) => {
  request.resume()
  if (request.url!.startsWith('/hang')) return
  response.writeHead(200, { 'content-type': 'application/json', 'content-length': answer.length }).end(answer)
})
server.listen(0, '127.0.0.1', () => console.log((server.address() as AddressInfo).port))
process.stdin.resume().on('end', () => process.exit(0))
