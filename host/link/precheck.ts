// Precheck: does this look like a component at all? Asked in the host itself, before a process is started for it.
//
// Owns: size and header.   component.ts owns: what stands behind the header.

import { modulePreamble } from '../wasm/sections.ts'
import { componentPreamble } from './component.ts'

/** Why these bytes are not a component; empty if they look like one. */
export function precheck(bytes: Uint8Array, bytesMax: number): string[] {
  if (bytes.length > bytesMax) return [`the component has ${bytes.length} bytes, ${bytesMax} are allowed`]
  if (bytes.length === 0) return ['the file is empty']
  if (startsWith(bytes, modulePreamble)) {
    return ['the file is a core module, not a component; wrap it with its interfaces (`inn build` does)']
  }
  return startsWith(bytes, componentPreamble) ? [] : ['the file is not a WebAssembly component']
}

function startsWith(bytes: Uint8Array, prefix: Uint8Array): boolean {
  return bytes.length >= prefix.length && prefix.every((byte, i) => bytes[i] === byte)
}
