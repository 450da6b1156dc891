// inn effects: side effects that wait or are parked.

import type { Json } from './client.ts'
import { adminClient } from './client.ts'
import type { Args, Subcommand } from './command.ts'
import { CommandFailure, UsageError } from './command.ts'
import { everNamed } from './named.ts'
import { print, printJson, printPassedOver, table } from './print.ts'

export const effectsCommand: Subcommand = {
  flags: {
    retry: { type: 'string', help: 'ID of a parked effect: try it again and print the result' },
    'retry-all': { type: 'boolean', help: 'try all parked effects again, or all that SERVICE caused' },
    drop: { type: 'string', help: 'ID of an effect: remove it without delivering it' },
  },
  words: [0, 1],
  run,
}

async function run(args: Args): Promise<number> {
  const client = adminClient(args)
  if (args.words[0] === 'resume') {
    const told = await client.change('POST', '/v1/effects/resume')
    if (args.is('json')) printJson(told)
    else
      print(
        told.resumed ? 'Timers and schedules run from now on, and effects leave for connectors.' : 'Nothing was held.',
      )
    return 0
  }
  const [retry, drop] = [args.text('retry'), args.text('drop')]
  if ([retry !== undefined, drop !== undefined, args.is('retry-all')].filter(Boolean).length > 1)
    throw new UsageError('give only one of --retry, --retry-all and --drop')
  const cause = args.words[0] === undefined ? undefined : await everNamed(client, args.words[0])
  const query = cause === undefined ? '' : `?service=${encodeURIComponent(cause.name)}`
  if (retry !== undefined)
    return retried(args, await client.change('POST', `/v1/effects/${encodeURIComponent(retry)}/retry`))
  if (args.is('retry-all')) return allRetried(args, await client.change('POST', `/v1/effects/retry${query}`))
  if (drop !== undefined) {
    const dropped = await client.change('DELETE', `/v1/effects/${encodeURIComponent(drop)}`)
    if (args.is('json')) printJson(dropped)
    else print(`Effect ${drop} was dropped.`)
    return 0
  }
  const { entries: effects, passedOver } = await client.pages(
    `/v1/effects${query}`,
    'effects',
    Number.POSITIVE_INFINITY,
  )
  // A service that is not deployed may have caused some before; one that never was has none, and its name may be mistyped.
  if (effects.length === 0 && cause?.deployed === false)
    throw new CommandFailure(`no service ${cause.name} is deployed, and no effects of it are waiting${cause.hint}`)
  if (args.is('json')) printJson({ effects, passedOver })
  else {
    print(effects.length === 0 ? 'No effects are waiting.' : told(effects))
    printPassedOver(passedOver)
  }
  return 0
}

/** Lines below each: what it carries, the request that sent it, if the journal has it, and the key at a provider. */
function told(effects: readonly Json[]): string {
  const heads = table(effects.map(row)).split('\n')
  return effects
    .flatMap(({ payload, cause, connector }, index) => [
      heads[index],
      ...(payload === undefined ? [] : [`    carries ${requestShown(payload)}`]),
      ...(cause.method === undefined ? [] : [`    sent by ${cause.method} ${requestShown(cause.request)}`]),
      ...(connector === undefined ? [] : [`    under the key ${connector.key}`]),
    ])
    .join('\n')
}

/** In a list; --json has all of it. */
const lettersMax = 500

function requestShown(request: unknown): string {
  const json = JSON.stringify(request)
  return json.length > lettersMax ? `${json.slice(0, lettersMax)}…` : json
}

function row({ id, to, attempts, parked, waits, cause, schedule }: Json): readonly string[] {
  const tried = waits === undefined ? `tried ${times(attempts)}` : `waits: ${waits}`
  const state = parked === null ? tried : `parked: ${parked}`
  const from = schedule === undefined ? `${cause.service} ${cause.entity}` : `${cause.service}, schedule ${schedule}`
  return [String(id), to, `from ${from}`, state]
}

function retried(args: Args, effect: Json): number {
  if (args.is('json')) printJson(effect)
  else print(`Effect ${effect.id} to ${effect.to} ${sentence(effect)}`)
  return effect.became === 'parked' ? 1 : 0
}

function sentence({ became, reason }: Json): string {
  if (became === 'delivered') return 'was delivered.'
  if (became === 'parked') return `is parked again: ${reason}`
  if (became === 'waiting') return `failed and will be tried again automatically: ${reason}`
  return 'has no answer yet; `inn effects` shows its state.'
}

function allRetried(args: Args, result: Json): number {
  if (args.is('json')) printJson(result)
  else if (result.retried === 0) print('No effect is parked.')
  else {
    const { retried, delivered, parked, waiting, still } = result
    print(
      `${retried} tried again: ${delivered} delivered, ${parked} parked again, ${waiting} will be tried again automatically, ${result['under way']} have no answer yet.`,
    )
    if (still.length > 0) print(told(still.map((effect: Json) => ({ ...effect, parked: effect.reason }))))
  }
  return result.parked === 0 ? 0 : 1
}

function times(count: number): string {
  return count === 1 ? 'once' : `${count} times`
}
