// Setting forms: how the text of a setting becomes its value. Each throws an Error that says what was expected.
//
// Owns: forms.   config.ts owns: which setting has which.

import { statSync } from 'node:fs'
import { resolve } from 'node:path'
import { headerProblem } from './header-names.ts'

export interface Address {
  readonly host: string
  readonly port: number
}

export function parseAddress(text: string): Address {
  const match = /^(?:\[([0-9a-fA-F:]+)\]|([^:\s]*)):(\d{1,5})$/.exec(text)
  const port = Number(match?.[3])
  if (match === null || port > 65_535) throw new Error('expected HOST:PORT')
  return { host: match[1] ?? (match[2] || '127.0.0.1'), port }
}

export function folder(text: string): string {
  const path = resolve(text)
  if (!statSync(path, { throwIfNoEntry: false })?.isDirectory()) throw new Error('expected a folder that is there')
  return path
}

export function nonEmpty(text: string): string {
  if (text === '') throw new Error('expected a text that is not empty')
  return text
}

export function whole(min: number, max: number): (text: string) => number {
  return (text) => {
    const number = Number(text)
    if (!/^-?\d+$/.test(text) || number < min || number > max)
      throw new Error(`expected a whole number from ${min} to ${max}`)
    return number
  }
}

/** `none`: infinite. */
export function wholeOrNone(min: number): (text: string) => number {
  const parse = whole(min, Number.MAX_SAFE_INTEGER)
  return (text) => {
    if (text === 'none') return Number.POSITIVE_INFINITY
    try {
      return parse(text)
    } catch (error) {
      throw new Error(`${(error as Error).message}, or none`)
    }
  }
}

export function names(text: string): readonly string[] {
  return text
    .split(',')
    .map((name) => name.trim())
    .filter((name) => name !== '')
}

export function onOff(text: string): boolean {
  return oneOf(['on', 'off'])(text) === 'on'
}

export function oneOf(choices: readonly string[]): (text: string) => string {
  return (text) => {
    if (!choices.includes(text)) throw new Error(`expected one of ${choices.join(', ')}`)
    return text
  }
}

/** `*`, or SCHEME://HOST[:PORT] as a browser sends it: no path, lower case, no default port. */
export function origins(text: string): readonly string[] {
  const list = text.split(',').map((origin) => origin.trim())
  if (text === '') return []
  if (list.length === 1 && list[0] === '*') return list
  for (const origin of list) {
    const url = URL.canParse(origin) ? new URL(origin) : undefined
    const form = url && `${url.protocol}//${url.host}`
    if (form === origin && url!.host !== '') continue
    const hint = url && url.host !== '' ? ` (did you mean ${form}?)` : ''
    throw new Error(
      `expected * or origins like https://example.org, separated by commas; ${origin || 'an empty text'} is not a valid origin${hint}`,
    )
  }
  return list
}

/** Names that could reach a function: what cannot is never stored anyway. */
export function headers(text: string): ReadonlySet<string> {
  if (text.trim() === '') return new Set()
  const list = text.split(',').map((name) => name.trim())
  for (const name of list) {
    const problem = headerProblem(name)
    if (problem !== undefined)
      throw new Error(`expected names of headers in lower case, separated by commas; ${problem}`)
  }
  return new Set(list)
}
