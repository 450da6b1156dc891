// Link process: the throw-away process in which a component is checked and linked. Started by link.ts in a sandbox, for one component. It
// reads one request from its standard input, and ends when that ends: then the host has what it asked for, or is gone.
//
// Owns: talking to the host.   pipeline.ts owns: the work.

import type { Limits } from '../limits.ts'
import * as answer from './answer.ts'
import { behead, FrameReader, kinds } from './frames.ts'
import { pipeline } from './pipeline.ts'

export interface LinkRequest {
  readonly limits: Limits
  readonly engine: number
}

const headMax = 1024 * 1024

const reader = new FrameReader(new Map([[kinds.request, 2 ** 32]]), (_, body) => {
  const { head, rest } = behead(body, headMax)
  const { limits, engine } = head as LinkRequest
  void link(rest, limits, engine)
})
process.stdin.on('data', (chunk: Buffer) => reader.push(chunk))
process.stdin.on('end', () => process.exit())

async function link(component: Uint8Array, limits: Limits, engine: number): Promise<void> {
  const result = await pipeline(component, limits, engine, (step) => say(answer.step(step)))
  say(result.ok ? answer.linked(result.artefact) : answer.refused(result.reasons))
}

function say(frame: readonly Uint8Array[]): void {
  for (const part of frame) process.stdout.write(part)
}
