// Wrong counter: a server that acknowledges adds, and at its 50th loses it, counts it twice, or ends: what the check of bench/peers must catch.
// Prints its port as JSON.

import http from 'node:http'

const fault = process.argv[2] as 'lost' | 'doubled' | 'ends' | 'none'
const values = new Map<string, number>()
let adds = 0

const server = http.createServer((request, response) => {
  const [, , key = '', verb] = request.url!.split('/')
  request.resume()
  request.on('end', () => {
    if (verb === 'add') {
      adds += 1
      if (adds === 50 && fault === 'ends') process.exit(3)
      const counted = adds !== 50 ? 1 : fault === 'lost' ? 0 : fault === 'doubled' ? 2 : 1
      values.set(key, (values.get(key) ?? 0) + counted)
    }
    const body = JSON.stringify({ value: values.get(key) ?? 0 })
    response.writeHead(200, { 'content-type': 'application/json', 'content-length': body.length }).end(body)
  })
})
server.listen(0, '127.0.0.1', () => console.log(JSON.stringify({ port: (server.address() as { port: number }).port })))
