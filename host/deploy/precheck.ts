// Precheck: is this a component at all, and do its sections fit the file? Asked before jco sees a byte.
//
// P1. A section that claims more than there is would make jco's parser panic, and every later call in its process with it
//     (a 14-byte file with a section of 4 GB). Nested components and modules are walked likewise.
// P2. Nesting is bounded, so that the parser's own recursion is.
//
// Owns: framing.   interfaces.ts owns: what is imported and exported.

import { BinaryError, ByteReader } from './bytes.ts'

const componentPreamble = [0x00, 0x61, 0x73, 0x6d, 0x0d, 0x00, 0x01, 0x00]
const modulePreamble = [0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00]
/** Sections of a component that hold another binary. */
export const coreModuleSection = 1
export const componentSection = 4
const nestingMax = 8
const sectionsMax = 100_000

/** Why these bytes are not a component; empty if they look like one. */
export function precheck(bytes: Uint8Array, bytesMax: number): string[] {
  if (bytes.length > bytesMax) return [`the component has ${bytes.length} bytes, ${bytesMax} are allowed`]
  if (bytes.length === 0) return ['the file is empty']
  if (startsWith(bytes, modulePreamble)) {
    return ['the file is a core module, not a component; wrap it with its interfaces (`inn build` does)']
  }
  if (!startsWith(bytes, componentPreamble)) return ['the file is not a WebAssembly component']
  try {
    walk(bytes, 0, { left: sectionsMax }, () => {})
    return []
  } catch (thrown) {
    if (thrown instanceof BinaryError) return [`the component is damaged: ${thrown.message}`]
    throw thrown
  }
}

/** The core modules inside a component that passed the check, nested ones included. */
export function coreModulesOf(component: Uint8Array): Uint8Array[] {
  const modules: Uint8Array[] = []
  walk(component, 0, { left: sectionsMax }, (module) => modules.push(module))
  return modules
}

function walk(
  bytes: Uint8Array,
  depth: number,
  budget: { left: number },
  eachModule: (module: Uint8Array) => void,
): void {
  if (depth > nestingMax) throw new BinaryError('components are nested too deeply')
  const reader = new ByteReader(bytes)
  const head = Array.from(reader.take(8))
  const component = head.every((byte, i) => byte === componentPreamble[i])
  if (!component && !head.every((byte, i) => byte === modulePreamble[i])) {
    throw new BinaryError('a nested module has no header')
  }
  if (!component) eachModule(bytes)
  while (!reader.done) {
    if (--budget.left < 0) throw new BinaryError('too many sections')
    const id = reader.byte()
    const body = reader.take(reader.u32())
    if (component && (id === coreModuleSection || id === componentSection)) walk(body, depth + 1, budget, eachModule)
  }
}

function startsWith(bytes: Uint8Array, prefix: readonly number[]): boolean {
  return bytes.length >= prefix.length && prefix.every((byte, i) => bytes[i] === byte)
}
