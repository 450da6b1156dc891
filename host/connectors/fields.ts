// Fields: an object of innkeeper.json, read field by field; what is wrong is told with its path.
//
// F1. A value is never repeated in a problem: it may be a secret in the wrong place.
// F2. A field that is wrong is reported, and read as if it were not there.

import { didYouMean } from '../nearest.ts'

type Report = (problem: string) => void

/** Of lists and objects. */
const entriesMax = 1_000

export class Fields {
  private readonly at: string
  private readonly json: { readonly [name: string]: unknown }
  private readonly tell: Report
  /** Else nothing can be read of it, and that was reported. */
  readonly areObject: boolean

  constructor(at: string, json: unknown, names: readonly string[], tell: Report) {
    this.at = at
    this.tell = tell
    this.areObject = typeof json === 'object' && json !== null && !Array.isArray(json)
    this.json = this.areObject ? (json as { [name: string]: unknown }) : {}
    if (!this.areObject) tell(`${at}: expected an object with ${names.slice(0, 3).join(', ')}`)
    for (const name of Object.keys(this.json)) {
      if (!names.includes(name))
        this.report(name.slice(0, 100), `unknown${didYouMean(name, names, `; there are ${names.join(', ')}`)}`)
    }
  }

  report(name: string, problem: string): void {
    this.tell(`${this.at}.${name}: ${problem}`)
  }

  has(name: string): boolean {
    return this.value(name) !== undefined
  }

  text(name: string): string | undefined {
    const value = this.value(name)
    if (value === undefined || (typeof value === 'string' && value !== '')) return value
    this.report(name, 'expected text that is not empty')
    return undefined
  }

  textOrNull(name: string): string | null | undefined {
    return this.value(name) === null ? null : this.text(name)
  }

  boolean(name: string): boolean | undefined {
    const value = this.value(name)
    if (value === undefined || typeof value === 'boolean') return value
    this.report(name, 'expected true or false')
    return undefined
  }

  number(name: string, min: number, max: number, whole = true): number | undefined {
    const value = this.value(name)
    if (value === undefined) return undefined
    if (typeof value === 'number' && value >= min && value <= max && (!whole || Number.isInteger(value))) return value
    this.report(name, `expected a ${whole ? 'whole ' : ''}number from ${min} to ${max}`)
    return undefined
  }

  /** `expected`: what an item is, where `read` knows none. */
  list<T>(name: string, expected: string, read: (item: unknown) => T | undefined): readonly T[] | undefined {
    const value = this.value(name)
    if (value === undefined) return undefined
    if (!Array.isArray(value) || value.length > entriesMax) {
      this.report(name, `expected a list; each item is ${expected}`)
      return undefined
    }
    return value.flatMap((item, index) => {
      const one = read(item)
      if (one === undefined) this.report(`${name}[${index}]`, `expected ${expected}`)
      return one === undefined ? [] : [one]
    })
  }

  /** Of an object whose names are anything. */
  entries(name: string): readonly (readonly [string, unknown])[] {
    const value = this.value(name)
    if (value === undefined) return []
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) {
      const entries = Object.entries(value)
      if (entries.length <= entriesMax) return entries
    }
    this.report(name, 'expected an object')
    return []
  }

  inner(name: string, names: readonly string[]): Fields | undefined {
    const value = this.value(name)
    return value === undefined ? undefined : new Fields(`${this.at}.${name}`, value, names, this.tell)
  }

  private value(name: string): unknown {
    return Object.hasOwn(this.json, name) ? this.json[name] : undefined
  }
}
