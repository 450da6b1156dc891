// Answers: what a guest answers, laid out in its memory as it should be, and then with mistakes (layouts: host/guest/layout.ts).

import { sizes } from '../../host/guest/layout.ts'
import { answerAt, decisionAt, eventType, type PuppetFunction, Script } from '../support/puppet.ts'
import type { Random } from './random.ts'

const base = 0x10000
const size = 0x10000
/** The ids of the subscriptions that are asked about. */
export const subscriptionIds = ['aa', 'bb'] as const

/** A script that answers `count` commands, or as many subscriptions as there are, with up to five mistakes. */
export function mistakenAnswer(name: PuppetFunction, count: number, random: Random): Script {
  const image = new Image(random)
  answers[name](image, count)
  image.mistakes(random.below(6))
  return new Script().bytes(name, base, image.done)
}

/** Memory from `base` on, of which what lies behind the decisions is given out bit by bit. */
class Image {
  readonly random: Random
  readonly #bytes = Buffer.alloc(size)
  readonly #written: number[] = []
  #next = 0x19000

  constructor(random: Random) {
    this.random = random
  }

  get done(): Buffer {
    return this.#bytes.subarray(0, this.#next - base)
  }

  word(at: number, value: number): void {
    this.#bytes.writeUInt32LE(value >>> 0, at - base)
    this.#written.push(at)
  }

  byte(at: number, value: number): void {
    this.#bytes[at - base] = value
    this.#written.push(at)
  }

  /** Room for so many bytes; what there is where there is no more. */
  room(length: number): number {
    const at = this.#next
    if (at + length > base + size - 8) return 0x19000
    this.#next = (at + length + 3) & ~3
    return at
  }

  blob(at: number, length = this.random.below(40)): void {
    this.word(at, this.room(length))
    this.word(at + 4, length)
  }

  text(at: number, said: string): void {
    const from = this.room(said.length)
    this.#bytes.write(said, from - base, 'latin1')
    this.word(at, from)
    this.word(at + 4, said.length)
  }

  list(at: number, itemSize: number, count: number, each: (at: number) => void): void {
    const from = this.room(itemSize * count)
    this.word(at, from)
    this.word(at + 4, count)
    for (let index = 0; index < count; index++) each(from + index * itemSize)
  }

  /** Words and bytes that something was written to have another value; seldom others. */
  mistakes(count: number): void {
    const { random } = this
    for (let left = count; left > 0; left--) {
      const at = random.once(8) ? base + random.below(size - 8) : random.pick(this.#written)
      if (random.once(3)) this.#bytes[at - base] = random.below(256)
      else this.#bytes.writeUInt32LE(random.edge(), at - base)
    }
  }
}

function few(image: Image): number {
  return image.random.below(4)
}

function metadata(image: Image, at: number): void {
  image.list(at, sizes.metadataEntry, few(image), (entry) => {
    const binary = image.random.once(2)
    image.text(entry, binary ? 'x-some-bin' : 'x-some')
    image.byte(entry + 8, binary ? 1 : 0)
    if (binary) image.blob(entry + 12)
    else image.text(entry + 12, 'said')
  })
}

function call(image: Image, at: number): void {
  image.text(at, 'some.Service')
  image.text(at + 8, 'Do')
  image.blob(at + 16)
  metadata(image, at + 24)
}

function typed(image: Image, at: number): void {
  image.text(at, eventType)
  image.blob(at + 8)
}

function failure(image: Image, at: number): void {
  image.byte(at, image.random.below(16))
  image.text(at + 4, 'no')
  image.list(at + 12, sizes.typed, few(image), (detail) => typed(image, detail))
}

/** What few effects have. */
function words(image: Image, effect: number): void {
  const { random } = image
  image.byte(effect + 40, random.below(3))
  // Whole milliseconds, as a double: its upper half.
  image.word(effect + 52, random.pick([0, 0x40000000, 0x41cdcd65, 0x7ff00000, 0xbff00000]))
  image.byte(effect + 56, random.below(2))
  image.text(effect + 60, `name ${random.below(3)}`)
  image.byte(effect + 68, random.below(2))
  image.text(effect + 72, 'Heard')
  image.blob(effect + 80)
  image.byte(effect + 88, random.below(2))
  image.word(effect + 100, random.pick([0x40000000, 0x41cdcd65]))
}

function resolves(image: Image, at: number): void {
  image.text(at, 'ticket')
  image.text(at + 8, 'Do')
  const failed = image.random.below(2)
  image.byte(at + 16, failed)
  if (failed === 1) failure(image, at + 20)
  else image.blob(at + 20)
  metadata(image, at + 40)
}

function outcome(image: Image, at: number): void {
  const { random } = image
  image.byte(at, 0)
  const kind = random.below(5)
  if (kind === 0) {
    image.byte(at, 1)
    failure(image, at + 4)
  } else if (kind === 2) {
    image.byte(at + 4, 3)
    image.text(at + 8, 'ticket')
    image.byte(at + 16, random.below(2))
    image.word(at + 20, random.below(3))
  } else if (kind === 1) {
    image.byte(at + 4, 1)
    call(image, at + 8)
  } else image.blob(at + 8)
  image.list(at + 40, sizes.effect, few(image), (effect) => {
    call(image, effect)
    image.byte(effect + 32, random.below(4) === 0 ? 1 : 0)
    words(image, effect)
  })
  if (random.below(3) === 0) image.list(at + 64, sizes.list, few(image), (name) => image.text(name, 'name'))
  if (random.below(3) === 0)
    image.list(at + 72, sizes.resolution, few(image), (resolution) => resolves(image, resolution))
  metadata(image, at + 48)
  image.list(at + 56, sizes.logLine, few(image), (line) => {
    image.byte(line, random.below(4))
    image.text(line + 4, 'line')
  })
}

function held(image: Image, at: number): void {
  image.word(at, image.random.below(9))
  image.word(at + 4, image.random.below(100))
  image.byte(at + 8, 1)
  image.blob(at + 12)
}

function replica(image: Image, at: number): void {
  const after = image.random.once(3)
  image.byte(at, after ? 1 : 0)
  if (after) image.blob(at + 4)
  else outcome(image, at + 4)
  image.blob(at + 84)
  image.byte(at + 92, image.random.below(2))
  image.byte(at + 96, image.random.below(2))
  image.blob(at + 100)
}

const answers: Readonly<Record<PuppetFunction, (image: Image, count: number) => void>> = {
  decide(image, count) {
    const at = answerAt('decide')
    image.word(at + 4, decisionAt('decide'))
    image.word(at + 8, count)
    for (let index = 0; index < count; index++) {
      image.list(decisionAt('decide', index), sizes.typed, few(image), (event) => typed(image, event))
      outcome(image, decisionAt('decide', index) + 8)
    }
    const next = image.random.below(3)
    image.byte(at + 12, next)
    if (next === 1) image.blob(at + 16)
    else if (next === 2) held(image, at + 16)
  },
  evolve(image) {
    const at = answerAt('evolve')
    const kind = image.random.below(2)
    image.byte(at, kind)
    if (kind === 0) image.blob(at + 4)
    else held(image, at + 4)
  },
  value(image, count) {
    const at = answerAt('value')
    image.word(at + 4, decisionAt('value'))
    image.word(at + 8, count)
    for (let index = 0; index < count; index++) {
      image.byte(decisionAt('value', index), image.random.below(3))
      image.blob(decisionAt('value', index) + 4)
      outcome(image, decisionAt('value', index) + 12)
    }
    image.byte(at + 12, image.random.below(2))
  },
  reads: (image) => image.list(answerAt('reads'), sizes.list, few(image), (element) => image.blob(element)),
  replica: (image) => replica(image, answerAt('replica')),
  cancelled: (image) => replica(image, answerAt('cancelled')),
  render: (image) => outcome(image, answerAt('render')),
  changed(image) {
    let index = 0
    image.list(answerAt('changed'), sizes.streamStep, image.random.below(subscriptionIds.length + 1), (step) => {
      image.text(step, subscriptionIds[index++]!)
      image.byte(step + 8, image.random.below(2))
      outcome(image, step + 12)
      image.byte(step + 92, image.random.below(2))
    })
  },
  call(image, count) {
    image.word(answerAt('call'), decisionAt('call'))
    image.word(answerAt('call') + 4, count)
    for (let index = 0; index < count; index++) outcome(image, decisionAt('call', index))
  },
  stream(image) {
    const at = answerAt('stream')
    image.list(at, sizes.outcome, few(image), (output) => outcome(image, output))
    image.byte(at + 8, image.random.below(2))
    image.blob(at + 12)
    image.byte(at + 20, image.random.below(2))
    image.byte(at + 21, image.random.below(2))
  },
}
