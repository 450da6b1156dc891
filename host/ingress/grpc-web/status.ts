// gRPC-Web status: the text of the trailer frame that ends every answer.

import type { Failed } from '../../command.ts'
import { type Commits, commitHeader } from '../../commits.ts'
import { wire } from '../../errors.ts'
import { statusDetails } from '../status.ts'

/** `commits`: what the headers did not tell of. */
export function trailerText(failed: Failed | undefined, requestId: string, commits?: Commits): string {
  const lines: [string, string | number][] = []
  if (failed === undefined) lines.push(['grpc-status', 0])
  else if (failed.kind === 'error') {
    lines.push(['grpc-status', wire[failed.error.code].grpc], ['grpc-message', escaped(failed.error.message)])
  } else {
    const { failure } = failed
    lines.push(['grpc-status', failure.code], ['grpc-message', escaped(failure.message)])
    const details = statusDetails(failure)
    if (details !== undefined) lines.push(['grpc-status-details-bin', Buffer.from(details).toString('base64')])
  }
  lines.push(['x-request-id', requestId])
  if (commits !== undefined) lines.push([commitHeader, commits.text])
  return lines.map(([name, value]) => `${name}: ${value}\r\n`).join('')
}

/** Percent-encoded as gRPC wants it: all but printable ASCII, and the percent sign. */
function escaped(message: string): string {
  return message.toWellFormed().replace(/[^\x20-\x24\x26-\x7e]/gu, (char) => encodeURIComponent(char))
}
