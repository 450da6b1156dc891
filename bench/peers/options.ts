// Options of `npm run bench -- peers`.

import { existsSync, readFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { type Language, languages } from './innkeeper.ts'
import { Refusal } from './refusal.ts'
import { replaced } from './section.ts'

export type Name = 'floor' | Language | 'restate' | 'workerd'
/** In the order of their columns. */
const names: readonly Name[] = ['floor', ...languages, 'restate', 'workerd']

export interface PeersOptions {
  readonly quick: boolean
  readonly rounds: number
  /** Of each cell. */
  readonly ms: number
  readonly warmupMs: number
  readonly only: readonly Name[]
  /** A document, whose section the table replaces. */
  readonly write: string | undefined
}

const flags = {
  quick: { type: 'boolean', default: false },
  rounds: { type: 'string' },
  ms: { type: 'string' },
  only: { type: 'string' },
  write: { type: 'string' },
} as const

/** Throws a refusal. */
export function optionsOf(words: readonly string[]): PeersOptions {
  const values = parsed(words)
  const { quick, write } = values
  if (write !== undefined) {
    if (!existsSync(write)) throw new Refusal(`--write ${write}: there is no such file`)
    replaced(readFileSync(write, 'utf8'), '', write)
    if (values.only !== undefined) throw new Refusal('--write is for the table of all peers: leave --only out')
  }
  return {
    quick,
    rounds: whole('rounds', values.rounds, quick ? 1 : 3, 1, 99),
    ms: whole('ms', values.ms, quick ? 600 : 4_000, 100, 60_000),
    warmupMs: quick ? 300 : 1_000,
    only: named(values.only),
    write,
  }
}

function parsed(words: readonly string[]) {
  try {
    return parseArgs({ args: [...words], options: flags, allowPositionals: false }).values
  } catch (error) {
    const known = Object.keys(flags).map((flag) => `--${flag}`)
    throw new Refusal(`${(error as Error).message}; the options of peers are ${known.join(', ')}`)
  }
}

function whole(flag: string, text: string | undefined, otherwise: number, least: number, most: number): number {
  if (text === undefined) return otherwise
  const value = Number(text)
  if (!/^\d+$/.test(text) || value < least || value > most)
    throw new Refusal(`--${flag} ${text}: must be a whole number from ${least} to ${most}`)
  return value
}

function named(text: string | undefined): readonly Name[] {
  if (text === undefined) return names
  return text.split(',').map((word) => {
    const name = names.find((one) => one === word)
    if (name === undefined) throw new Refusal(`--only ${text}: there is no ${JSON.stringify(word)}; there are ${names}`)
    return name
  })
}
