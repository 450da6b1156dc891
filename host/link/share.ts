// Share: what the memories of a component may grow by goes to those that its code grows.
//
// S1. A memory is grown if code with `memory.grow` can reach it: the module's own, or one that an instance of it imports. The others
//     stay as they are declared: what a language brings for a system that is sealed would take two thirds of TypeScript's memory.
// S2. All instances together stay within the limit.
//
// Leaves to others: the first caps, with which the plan is found (cores.ts), since nothing may run without one.

import type { LinkPlan } from '../guest/artefact.ts'
import type { Limits } from '../limits.ts'
import { ByteReader } from '../wasm/bytes.ts'
import { capMemories, pageBytes } from '../wasm/cap.ts'
import type { PreparedCore } from '../wasm/cores.ts'
import { InstructionReader, op } from '../wasm/instructions.ts'
import {
  bodyOf,
  externKind,
  readModule,
  type Section,
  sectionId,
  skipValueType,
  writeModule,
} from '../wasm/sections.ts'

/** The cores with the limit's pages where they are grown. */
export function share(cores: readonly PreparedCore[], plan: LinkPlan, limits: Limits): readonly PreparedCore[] {
  const sections = cores.map(({ bytes }) => readModule(bytes))
  const grown = grownModules(cores, sections, plan)
  let least = 0
  let growing = 0
  for (const { module } of plan.instances) {
    for (const { min, max } of cores[module]!.memories) {
      least += min
      if (grown.has(module) && (max === undefined || max > min)) growing++
    }
  }
  const pages = Math.floor(limits.guestMemoryBytesMax / pageBytes)
  const spare = Math.floor((pages - least) / Math.max(1, growing))
  return cores.map((core, module) => {
    const shared = capMemories(sections[module]!, core.memories, grown.has(module) ? spare : 0)
    return shared === sections[module] ? core : { ...core, bytes: writeModule(shared) }
  })
}

/** Indices of modules that define a memory which some code grows. */
function grownModules(
  cores: readonly PreparedCore[],
  sections: readonly (readonly Section[])[],
  { instances }: LinkPlan,
): ReadonlySet<number> {
  const grows = sections.map(growsMemory)
  const grown = new Set<number>()
  for (const { module, imports } of instances) {
    if (!grows[module]) continue
    grown.add(module)
    for (const [i, { kind }] of cores[module]!.imports.entries()) {
      const { source } = imports[i]!
      if (kind === externKind.memory && source.from === 'instance') grown.add(instances[source.instance]!.module)
    }
  }
  return grown
}

function growsMemory(sections: readonly Section[]): boolean {
  const reader = new ByteReader(bodyOf(sections, sectionId.code) ?? Uint8Array.of(0))
  const instruction = new InstructionReader()
  for (let left = reader.u32(); left > 0; left--) {
    const length = reader.u32()
    const end = reader.at + length
    for (let groups = reader.u32(); groups > 0; groups--) {
      reader.u32()
      skipValueType(reader)
    }
    while (reader.at < end) {
      instruction.next(reader)
      if (instruction.op === op.memoryGrow) return true
    }
  }
  return false
}
