// inn connectors: the outside world: what the operator grants of it, and what came of it.

import type { ShownConnector } from '../outbound.ts'
import { adminClient } from './client.ts'
import type { Args, Subcommand } from './command.ts'
import { UsageError } from './command.ts'
import { counted, print, printJson, table } from './print.ts'

export const connectorsCommand: Subcommand = { flags: {}, words: [0, 1], run: connectors }

async function connectors(args: Args): Promise<number> {
  const [word] = args.words
  if (word !== undefined && word !== 'reload') throw new UsageError(`${JSON.stringify(word)}: only \`reload\` is known`)
  return await (word === undefined ? list(args) : reload(args))
}

async function list(args: Args): Promise<number> {
  const told = (await adminClient(args).get('/v1/connectors')) as { connectors: ShownConnector[]; lacking: string[] }
  if (args.is('json')) printJson(told)
  else {
    print(told.connectors.length === 0 ? 'innkeeper.json grants no connector.' : table(told.connectors.map(row)))
    printLacking(told.lacking)
  }
  return 0
}

/** Of what is deployed. */
function printLacking(lacking: readonly string[]): void {
  for (const problem of lacking) print(`Calls wait: ${problem}`)
}

function row(one: ShownConnector): readonly string[] {
  const {
    connector,
    url,
    services,
    concurrency,
    ratePerSecond,
    requests = [],
    failures,
    time,
    underWay = 0,
    waiting,
  } = one
  const tries = requests.reduce((sum, { count }) => sum + count, 0)
  const rate = ratePerSecond === undefined ? '' : `, ${ratePerSecond}/s`
  const failed = Object.entries(failures ?? {}).filter(([, count]) => count > 0)
  const mean = tries === 0 || time === undefined ? '' : `, ${Math.round(time.sumMs / tries)} ms on average`
  return [
    connector,
    url,
    `for ${services.join(', ')}`,
    `${concurrency} at once${rate}`,
    `${counted(tries, 'try', 'tries')}${mean}`,
    ...(failed.length === 0 ? [''] : [failed.map(([reason, count]) => `${count} ${reason}`).join(', ')]),
    underWay + waiting === 0 ? '' : `${underWay} under way, ${waiting} waiting`,
  ]
}

async function reload(args: Args): Promise<number> {
  const told = (await adminClient(args).change('POST', '/v1/connectors/reload')) as {
    connectors: string[]
    lacking: string[]
  }
  if (args.is('json')) printJson(told)
  else {
    print(`In force: ${told.connectors.length === 0 ? 'no connector' : told.connectors.join(', ')}.`)
    printLacking(told.lacking)
  }
  return 0
}
