// Components: good ones with mistakes in their structure: sections moved, doubled, dropped, renumbered, lengths that lie, hostile names,
// in the component and in the modules inside.

import { ByteReader } from '../../host/wasm/bytes.ts'
import { leb, mistaken } from './bytes.ts'
import type { Random } from './random.ts'

interface Section {
  id: number
  body: Buffer
  /** Bytes that its length says it has besides those that it has. */
  lie: number
  /** Bytes that its length is longer than it needs to be. */
  longer: number
}

const head = 8
const coreModule = 1
const nested = 4

export function mistakenComponent(component: Uint8Array, random: Random): Buffer {
  let sections = sectionsOf(component)
  for (let left = 1 + random.below(3); left > 0; left--) sections = mistakeIn(sections, random, true)
  return written(component.subarray(0, head), sections)
}

function mistakeIn(sections: Section[], random: Random, component: boolean): Section[] {
  const at = random.below(sections.length)
  const section = sections[at]
  if (section === undefined) return sections
  const made = [...sections]
  switch (random.below(9)) {
    case 0:
      made.splice(at, 1)
      break
    case 1:
      made.splice(random.below(made.length), 0, section)
      break
    case 2:
      made.splice(random.below(made.length), 0, made.splice(at, 1)[0]!)
      break
    case 3:
      made[at] = { ...section, id: random.below(16) }
      break
    case 4:
      made[at] = { ...section, lie: random.once(2) ? random.below(9) - 4 : random.edge() }
      break
    case 5:
      made[at] = { ...section, longer: random.below(6) }
      break
    case 6:
      made[at] = { ...section, body: renamed(section.body, random) }
      break
    default:
      made[at] = { ...section, body: inside(section, random, component) }
  }
  return made
}

/** Of a module inside, a mistake of its structure; of anything else, of its bytes. */
function inside({ id, body }: Section, random: Random, component: boolean): Buffer {
  if (!component || (id !== coreModule && id !== nested) || random.once(4)) return mistaken(body, random)
  return written(body.subarray(0, head), mistakeIn(sectionsOf(body), random, id === nested))
}

const hostile = ["'", '"', '\\', '`', '\n', '\0', '${', '//', '\u2028', '__proto__', '/../', '😀', '\ud800']

/** A name in the bytes has something in it that no name should have, and as long as it was. */
function renamed(body: Buffer, random: Random): Buffer {
  const names = [...body.toString('latin1').matchAll(/[a-z][a-z0-9:/@#_.-]{3,}/g)]
  if (names.length === 0) return mistaken(body, random)
  const { index, 0: name } = random.pick(names)
  const put = Buffer.from(random.pick(hostile)).subarray(0, name.length)
  const made = Buffer.from(body)
  put.copy(made, index + random.below(name.length - put.length + 1))
  return made
}

function sectionsOf(bytes: Uint8Array): Section[] {
  const reader = new ByteReader(bytes, head)
  const sections: Section[] = []
  while (!reader.done) {
    const id = reader.byte()
    sections.push({ id, body: Buffer.from(reader.take(reader.u32())), lie: 0, longer: 0 })
  }
  return sections
}

function written(preamble: Uint8Array, sections: readonly Section[]): Buffer {
  return Buffer.concat([
    preamble,
    ...sections.flatMap(({ id, body, lie, longer }) => [
      Buffer.from([id]),
      leb(Math.max(0, body.length + lie), longer),
      body,
    ]),
  ])
}
