// Answers of a guest, laid out by hand in its memory: to say what no honest binding would (layouts: host/guest/layout.ts).

/** Bytes at their address, as data segments of a fixture. */
export class Answers {
  readonly #segments: [at: number, bytes: readonly number[]][] = []

  /** Words of 32 bits from an address on. */
  words(at: number, ...words: readonly number[]): this {
    return this.bytes(at, ...words.flatMap((word) => [word & 255, (word >> 8) & 255, (word >> 16) & 255, word >>> 24]))
  }

  bytes(at: number, ...bytes: readonly number[]): this {
    this.#segments.push([at, bytes])
    return this
  }

  text(at: number, text: string): this {
    return this.bytes(at, ...Buffer.from(text))
  }

  /** As fields of a module. Later segments overwrite earlier ones. */
  get fields(): string {
    return this.#segments
      .map(([at, bytes]) => {
        const escaped = bytes.map((byte) => `\\${byte.toString(16).padStart(2, '0')}`).join('')
        return `(data (i32.const ${at}) "${escaped}")`
      })
      .join('\n')
  }
}
