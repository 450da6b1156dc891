// Turns: rounds of peers, one after another: a turn is a round of one peer, and the others are not there meanwhile.
//
// Which peer begins changes from round to round. A peer that lost or doubled something, or ended by itself, is out: its figures are not shown.

import { load } from './machine.ts'
import type { Peer } from './peer.ts'
import { type Pace, type RoundFigures, roundOf } from './round.ts'
import type { Measured } from './table.ts'

export interface Taken {
  readonly measured: readonly Measured[]
  /** Why, by the peer's name. */
  readonly failed: ReadonlyMap<string, string>
  /** Of the machine, before each turn. */
  readonly loads: readonly number[]
}

/** `said` hears a line after each turn. */
export async function turnsOf(
  peers: readonly Peer[],
  rounds: number,
  pace: Pace,
  said: (line: string) => void,
): Promise<Taken> {
  const figures = new Map(peers.map(({ name }): [string, RoundFigures[]] => [name, []]))
  const failed = new Map<string, string>()
  const loads: number[] = []
  for (let round = 0; round < rounds; round++) {
    const first = round % peers.length
    for (const peer of [...peers.slice(first), ...peers.slice(0, first)]) {
      if (failed.has(peer.name)) continue
      loads.push(load())
      const started = performance.now()
      try {
        figures.get(peer.name)!.push(await roundOf(peer, pace))
      } catch (error) {
        failed.set(peer.name, `round ${round + 1}: ${(error as Error).message.replace(/\s+/g, ' ')}`)
      }
      const seconds = ((performance.now() - started) / 1_000).toFixed(0)
      said(`round ${round + 1} of ${rounds}: ${peer.name}: ${failed.get(peer.name) ?? `${seconds} s`}`)
    }
  }
  const measured = peers
    .filter(({ name }) => !failed.has(name))
    .map(({ name, role }) => ({ name, role, rounds: figures.get(name)! }))
  return { measured, failed, loads }
}
