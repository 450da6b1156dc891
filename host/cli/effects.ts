// inn effects: side effects that wait or are parked.

import { adminClient } from './client.ts'
import type { Args, Subcommand } from './command.ts'
import { print, printJson, table } from './print.ts'

export const effectsCommand: Subcommand = {
  name: 'effects',
  usage: '[SERVICE] [--retry ID] [--drop ID]',
  summary: 'list side effects that wait or are parked; retry or drop one',
  flags: {
    retry: { type: 'string', help: 'try a parked one again' },
    drop: { type: 'string', help: 'give one up' },
  },
  words: [0, 1],
  run,
}

async function run(args: Args): Promise<number> {
  const client = adminClient(args)
  const [retry, drop] = [args.text('retry'), args.text('drop')]
  if (retry !== undefined) await client.change('POST', `/v1/effects/${encodeURIComponent(retry)}/retry`)
  if (drop !== undefined) await client.change('DELETE', `/v1/effects/${encodeURIComponent(drop)}`)
  const query = args.words[0] === undefined ? '' : `?service=${encodeURIComponent(args.words[0])}`
  const page = await client.get(`/v1/effects${query}`)
  if (args.is('json')) printJson(page)
  else if (page.effects.length === 0) print('No effects are waiting.')
  else {
    const rows = page.effects.map(
      (effect: {
        id: number
        to: string
        attempts: number
        parked: string | null
        cause: { service: string; entity: string }
      }) => [
        String(effect.id),
        effect.to,
        `from ${effect.cause.service} ${effect.cause.entity}`,
        effect.parked === null ? `tried ${effect.attempts} times` : `parked: ${effect.parked}`,
      ],
    )
    print(table(rows))
  }
  return 0
}
