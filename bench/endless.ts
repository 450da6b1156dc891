// Figures of what queries without end leave to commands: the p99 of commands at a pace, alone and beside queries that end only by their bounds.

import { setTimeout as sleep } from 'node:timers/promises'
import type { Figure } from './inside.ts'
import type { OpenLoopOptions, OpenLoopSeen } from './open-loop-client.ts'
import type { ScaleHost } from './scale-host.ts'

const ms = Number(process.env['MS'] ?? 5_000)
const rounds = Number(process.env['ROUNDS'] ?? 3)
const perSecond = 1_000
/** As many at once as there are readers. */
const atOnce = 2

const queries: Readonly<Record<string, string>> = {
  'WITH RECURSIVE without end':
    'WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT count(*) FROM n',
  'a cross join': 'SELECT count(*) FROM cart_items a, cart_items b, cart_items c, cart_items d, cart_items e',
  'a blob of 1 GB': 'SELECT length(hex(zeroblob(1000000000)))',
}

/** `host` serves guests/cart and guests/sales. */
export async function endlessFigures(host: ScaleHost): Promise<readonly Figure[]> {
  const alone: number[] = []
  const beside = new Map(Object.keys(queries).map((name) => [name, [] as number[]]))
  await commands(host)
  for (let round = 0; round < rounds; round++) {
    alone.push(await commands(host))
    for (const [name, sql] of Object.entries(queries)) {
      let over = false
      const asking = Array.from({ length: atOnce }, async () => {
        while (!over) await host.refused('/v1/sql', { sql })
      })
      await sleep(200)
      beside.get(name)!.push(await commands(host))
      over = true
      await Promise.all(asking)
    }
  }
  return [
    { name: `commands at ${perSecond}/s alone, p99`, value: median(alone), unit: 'ms' },
    ...[...beside].flatMap(([name, found]) => [
      { name: `beside ${atOnce} times ${name}, p99`, value: median(found), unit: 'ms' },
      {
        name: `to alone`,
        value: median(found.map((value, at) => value / alone[at]!)),
        unit: 'times; goal at most 1.5',
      },
    ]),
  ]
}

async function commands(host: ScaleHost): Promise<number> {
  const options: Omit<OpenLoopOptions, 'port'> = { perSecond, connections: 32, warmupMs: 500, ms }
  const { p99Ms, errors } = await host.client<OpenLoopSeen>('bench/open-loop-client.ts', options).seen
  if (errors > 0) throw new Error(`${errors} commands failed`)
  return p99Ms
}

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)]!
}
