// Post: JSON over connections that stay open, as both clients of bench/fair.ts send it.

import http from 'node:http'

/** Resolves with the status; 0 where the connection failed. */
export function poster(port: number): (to: string, body: object) => Promise<number> {
  const agent = new http.Agent({ keepAlive: true })
  return (to, body) =>
    new Promise((resolve) => {
      const text = JSON.stringify(body)
      const headers = { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) }
      const request = http.request(
        { port, host: '127.0.0.1', path: to, method: 'POST', headers, agent },
        (response) => {
          response.resume()
          response.on('end', () => resolve(response.statusCode ?? 0))
        },
      )
      request.on('error', () => resolve(0))
      request.end(text)
    })
}
