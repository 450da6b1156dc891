// Memory: what this process holds once its garbage is collected.

import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

setFlagsFromString('--expose-gc')
const collect = runInNewContext('gc') as () => void

/** In bytes: of JavaScript. */
export function heapBytes(): number {
  collect()
  return process.memoryUsage().heapUsed
}

/** In bytes: of JavaScript, and of buffers. */
export function heldBytes(): number {
  collect()
  const { heapUsed, external } = process.memoryUsage()
  return heapUsed + external
}
