// Module: is a core module one that may run here? It is valid, pays for what it does (fuel.ts), and has bounds for what it can grow.
//
// N1. V8 finds it valid before anything else is read of it: so sections stand once and in order, and types fit.
// N2. It imports the counter of fuel if it has code, and nothing else from there; it exports it under no name.
// N3. Every memory and every table of its own has a maximum.
//
// Owns: one module.   plan.ts owns: how its imports are met, and sums over instances.

import { fuelImport } from '../../guest/fuel.ts'
import { ByteReader } from '../../wasm/bytes.ts'
import { sizesOf } from '../../wasm/cap.ts'
import {
  bodyOf,
  countImports,
  externKind,
  readModule,
  type Section,
  type SizeLimits,
  sectionId,
  skipValueType,
} from '../../wasm/sections.ts'
import { Forged } from './forged.ts'
import { auditBody } from './fuel.ts'

export interface AuditedModule {
  /** But the counter. */
  readonly imports: readonly { readonly module: string; readonly name: string; readonly kind: number }[]
  /** Kinds by name. */
  readonly exports: ReadonlyMap<string, number>
  /** What one instance may grow to. */
  readonly pages: number
  readonly elements: number
}

/** @throws Forged, BinaryError */
export function auditModule(bytes: Uint8Array): AuditedModule {
  if (!WebAssembly.validate(bytes as Uint8Array<ArrayBuffer>)) throw new Forged('is not valid WebAssembly')
  const sections = readModule(bytes)
  const imports: AuditedModule['imports'][number][] = []
  let globals = 0
  let fuel: number | undefined
  countImports(bodyOf(sections, sectionId.import), (module, name, kind) => {
    if (module === fuelImport.module) {
      if (name !== fuelImport.name || kind !== externKind.global || fuel !== undefined)
        throw new Forged(`imports more from "${fuelImport.module}" than the counter`)
      fuel = globals
    } else imports.push({ module, name, kind })
    if (kind === externKind.global) globals += 1
  })
  auditCode(sections, fuel)
  const { memories, tables } = sizesOf(sections)
  return {
    imports,
    exports: exportsOf(sections, fuel),
    pages: most(memories, 'memory'),
    elements: most(tables, 'table'),
  }
}

function auditCode(sections: readonly Section[], fuel: number | undefined): void {
  const reader = new ByteReader(bodyOf(sections, sectionId.code) ?? Uint8Array.of(0))
  const count = reader.u32()
  for (let number = 0; number < count; number++) {
    if (fuel === undefined) throw new Forged('has code and does not import the counter of fuel')
    const size = reader.u32()
    const from = reader.at
    reader.skip(size)
    const body = new ByteReader(reader.bytes, from, reader.at)
    for (let groups = body.u32(); groups > 0; groups--) {
      body.u32()
      skipValueType(body)
    }
    try {
      auditBody(body, fuel)
    } catch (thrown) {
      if (thrown instanceof Forged) throw new Forged(`function ${number} ${thrown.message}`)
      throw thrown
    }
  }
}

function exportsOf(sections: readonly Section[], fuel: number | undefined): ReadonlyMap<string, number> {
  const reader = new ByteReader(bodyOf(sections, sectionId.export) ?? Uint8Array.of(0))
  const exports = new Map<string, number>()
  for (let left = reader.u32(); left > 0; left--) {
    const name = reader.name()
    const kind = reader.byte()
    if (reader.u32() === fuel && kind === externKind.global) throw new Forged('exports the counter of fuel')
    exports.set(name, kind)
  }
  return exports
}

function most(limits: readonly SizeLimits[], what: string): number {
  return limits.reduce((total, { max }) => {
    if (max === undefined) throw new Forged(`has a ${what} without a maximum`)
    return total + max
  }, 0)
}
