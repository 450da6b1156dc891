// inn views, inn sql: tables of views, and SQL over them.

import type { ShownView } from '../projection/views.ts'
import { adminClient } from './client.ts'
import type { Args, Subcommand } from './command.ts'
import { UsageError } from './command.ts'
import { serviceNamed } from './named.ts'
import { counted, print, printJson, table } from './print.ts'

export const viewsCommand: Subcommand = { flags: {}, words: [0, 2], run: views }

export const sqlCommand: Subcommand = { flags: {}, words: [1, 1], run: sql }

async function views(args: Args): Promise<number> {
  const [word, given] = args.words
  if (word !== undefined && word !== 'rebuild')
    throw new UsageError(`${JSON.stringify(word)}: only \`rebuild SERVICE\` is known`)
  return await (word === undefined ? list(args) : rebuild(args, given))
}

async function list(args: Args): Promise<number> {
  const told = (await adminClient(args).get('/v1/views')) as { views: ShownView[] }
  if (args.is('json')) {
    printJson(told)
    return 0
  }
  print(told.views.length === 0 ? 'No view is deployed.' : table(told.views.map(row)))
  for (const view of told.views) for (const sentence of sentences(view)) print(`${view.service}: ${sentence}`)
  return 0
}

function row({ service, table: name, state, size, lag }: ShownView): readonly string[] {
  const rows = size === undefined ? 'no rows yet' : `${counted(size.rows, 'row')}, ${counted(size.bytes, 'byte')}`
  const behind =
    lag === undefined || lag.commits === 0
      ? ''
      : `${counted(lag.commits, 'commit')} behind, for ${(lag.ms / 1000).toFixed(1)} s`
  return [service, `table ${name}`, state, rows, behind]
}

function sentences({ state, rebuild: built, stuck, nextStuck, missing }: ShownView): readonly string[] {
  const way = 'deploy a function that can project it, and the view is built anew'
  const isOld = state !== 'stuck' && state !== 'building'
  return [
    ...(stuck === undefined ? [] : [`is stuck at ${firstLine(stuck)}; ${way}`]),
    ...(nextStuck === undefined
      ? []
      : [`${isOld ? 'its new version is' : 'is'} stuck at ${firstLine(nextStuck)}; ${way}`]),
    ...(built === undefined || nextStuck !== undefined
      ? []
      : [`is built anew (${built.state}, ${counted(built.entities, 'entity', 'entities')} read)`]),
    ...(built === undefined ? [] : ['the old table answers until then']),
    ...missing.map((source) => `its source ${source} is not deployed; the rows stay as they are`),
  ]
}

/** Of a stack trace; `--json` has all. */
function firstLine(text: string): string {
  return text.split('\n', 1)[0]!
}

async function rebuild(args: Args, given: string | undefined): Promise<number> {
  if (given === undefined) throw new UsageError('give the SERVICE whose table is to be built anew')
  const client = adminClient(args)
  const service = await serviceNamed(client, given)
  await client.change('POST', `/v1/views/${encodeURIComponent(service)}/rebuild`)
  if (args.is('json')) printJson({ service })
  else
    print(`The table of ${service} is built anew; the old one answers until then. \`inn views\` shows how far it is.`)
  return 0
}

async function sql(args: Args): Promise<number> {
  const { columns, rows } = (await adminClient(args).change(
    'POST',
    '/v1/sql',
    Buffer.from(JSON.stringify({ sql: args.words[0] })),
  )) as {
    columns: string[]
    rows: (string | number | null)[][]
  }
  if (args.is('json')) {
    printJson({ columns, rows })
    return 0
  }
  print(table([columns, ...rows.map((values) => values.map((value) => (value === null ? 'NULL' : String(value))))]))
  if (rows.length === 0) print('No rows.')
  return 0
}
