// Peers: the same durable work on the floor, on Innkeeper in four languages and on systems like it, in turns, in one run, as one table.

import { readFileSync, writeFileSync } from 'node:fs'
import { floor } from './floor.ts'
import { innkeeper } from './innkeeper.ts'
import { install, peersFolder } from './install.ts'
import { demandMachine, linesOfMachine, load } from './machine.ts'
import { type Name, optionsOf, type PeersOptions } from './options.ts'
import type { Missing, Peer } from './peer.ts'
import { restate } from './restate.ts'
import { inScratch } from './scratch.ts'
import { replaced } from './section.ts'
import { columnOf, tableOf } from './table.ts'
import { type Taken, turnsOf } from './turns.ts'
import { workerd } from './workerd.ts'

/** `record` keeps a row of figures. False if a peer failed. */
export async function peers(words: readonly string[], record: (row: object) => void): Promise<boolean> {
  const options = optionsOf(words)
  demandMachine()
  // To build the components is work, too.
  const before = load()
  return await inScratch(async (folder) => {
    const say = (line: string) => console.log(`  ${line}`)
    const found = await peersOf(options.only, folder, say)
    const here = found.filter((one) => 'start' in one)
    const missing = found.filter((one) => 'why' in one)
    for (const { name, why } of missing) say(`skipped: ${name}: ${why}`)
    const turns = await turnsOf(here, options.rounds, options, say)
    const taken = { ...turns, loads: [before, ...turns.loads] }
    const report = reportOf(options, here, missing, taken)
    console.log(`\n${report}`)
    for (const peer of taken.measured) {
      const figures = Object.fromEntries(columnOf(peer, taken.measured))
      record({ title: 'peers', name: peer.name, rounds: options.rounds, ms: options.ms, load: taken.loads[0], figures })
    }
    if (options.write !== undefined && taken.measured.length > 0)
      writeFileSync(options.write, replaced(readFileSync(options.write, 'utf8'), report, options.write))
    return taken.failed.size === 0
  })
}

export function reportOf(
  { rounds, ms, warmupMs }: Pick<PeersOptions, 'rounds' | 'ms' | 'warmupMs'>,
  here: readonly Peer[],
  missing: readonly Missing[],
  { measured, failed, loads }: Taken,
): string {
  return [
    tableOf(measured),
    '',
    ...linesOfMachine(loads),
    `- Rounds: ${rounds}, of ${ms} ms a row after ${warmupMs} ms to warm up; medians`,
    ...here.map(({ name, version, durability }) => `- ${name}: ${version}; ${durability}`),
    ...missing.map(({ name, why }) => `- ${name}: not measured: ${why}`),
    ...[...failed].map(([name, why]) => `- **${name} failed, its figures are not shown**: ${why}`),
  ].join('\n')
}

async function peersOf(
  names: readonly Name[],
  folder: string,
  say: (line: string) => void,
): Promise<readonly (Peer | Missing)[]> {
  const bought = names.includes('restate') || names.includes('workerd') ? install(peersFolder(), say) : undefined
  const found: (Peer | Missing)[] = []
  for (const name of names) {
    if (name === 'floor') found.push(floor)
    else if (name !== 'restate' && name !== 'workerd') found.push(await innkeeper(name, folder))
    else if ('missing' in bought!) found.push({ name, why: bought.missing })
    else found.push(name === 'restate' ? restate(bought!) : workerd(bought!))
  }
  return found
}
