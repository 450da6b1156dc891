// inn schedules, inn clock: calls that the host makes by the clock.

import { adminClient } from './client.ts'
import type { Args, Subcommand } from './command.ts'
import { CommandFailure, UsageError } from './command.ts'
import { everNamed, serviceNamed } from './named.ts'
import { print, printJson, table } from './print.ts'

export const schedulesCommand: Subcommand = {
  flags: { run: { type: 'string', help: 'NAME of a schedule of SERVICE: run it now, once more' } },
  words: [0, 1],
  run: async (args) => {
    const name = args.text('run')
    return await (name === undefined ? list(args) : runNow(args, name))
  },
}

export const clockCommand: Subcommand = { flags: {}, words: [0, 1], run: clock }

interface Clock {
  readonly nowMs: number
  /** Null: until it is resumed. */
  readonly heldMs: number | null
}

interface Schedule {
  readonly service: string
  readonly name: string
  readonly method: string
  readonly cron: string
  readonly timeZone: string
  readonly runs: number
  readonly next: string | null
  readonly underWay: boolean
}

async function list(args: Args): Promise<number> {
  const client = adminClient(args)
  const named = args.words[0] === undefined ? undefined : await everNamed(client, args.words[0])
  const query = named === undefined ? '' : `?service=${encodeURIComponent(named.name)}`
  const told = (await client.get(`/v1/schedules${query}`)) as { schedules: Schedule[]; clock: Clock }
  if (named?.deployed === false) throw new CommandFailure(`no service ${named.name} is deployed${named.hint}`)
  if (args.is('json')) {
    printJson(told)
    return 0
  }
  const { schedules } = told
  print(schedules.length === 0 ? 'No deployed service has a schedule.' : table(schedules.map(row)))
  if (told.clock.heldMs !== 0) print(held(told.clock))
  return 0
}

function row({ service, name, method, cron, timeZone, runs, next, underWay }: Schedule): readonly string[] {
  const due = underWay ? 'under way' : next === null ? 'never again' : `next ${next.replace('.000Z', 'Z')}`
  return [
    `${service} ${name}`,
    `calls ${method}`,
    `${cron} (${timeZone})`,
    due,
    `${runs} ${runs === 1 ? 'run' : 'runs'}`,
  ]
}

async function runNow(args: Args, name: string): Promise<number> {
  if (args.words[0] === undefined) throw new UsageError('give the SERVICE that has the schedule')
  const client = adminClient(args)
  const service = await serviceNamed(client, args.words[0])
  const path = `/v1/schedules/${encodeURIComponent(service)}/${encodeURIComponent(name)}/run`
  const { effect } = (await client.change('POST', path)) as { effect: number }
  if (args.is('json')) printJson({ effect })
  else print(`The schedule ${name} of ${service} runs now, as effect ${effect}.`)
  return 0
}

async function clock(args: Args): Promise<number> {
  const [word] = args.words
  if (word !== undefined && word !== 'accept') throw new UsageError(`${JSON.stringify(word)}: only \`accept\` is known`)
  const client = adminClient(args)
  const told = (await (word === undefined
    ? client.get('/v1/clock')
    : client.change('POST', '/v1/clock/accept'))) as Clock
  if (args.is('json')) printJson(told)
  else {
    print(`The host's clock is at ${new Date(told.nowMs).toISOString()}.`)
    print(told.heldMs === 0 ? 'Schedules and timers go by it.' : held(told))
  }
  return 0
}

function held({ heldMs }: Clock): string {
  if (heldMs === null)
    return 'The data directory was copied or restored, so what is due by it waits until `inn effects resume`.'
  return `It jumped ahead, so what is due by it waits for ${Math.ceil(heldMs / 1000)} s more; \`inn clock accept\` ends that if it is right.`
}
