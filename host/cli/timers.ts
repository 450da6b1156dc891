// inn timers, inn tickets: effects that are due later, and replies that were deferred.

import { adminClient } from './client.ts'
import type { Args, Subcommand } from './command.ts'
import { UsageError } from './command.ts'
import { serviceNamed } from './named.ts'
import { counted, entityName, print, printJson, table } from './print.ts'

export const timersCommand: Subcommand = {
  flags: {
    fire: { type: 'string', help: 'TIMER as it is listed: make it due now' },
    drop: { type: 'string', help: 'TIMER as it is listed: remove it; its effect is never delivered' },
  },
  words: [0, 2],
  run: async (args) => {
    const [fire, drop] = [args.text('fire'), args.text('drop')]
    if (fire !== undefined && drop !== undefined) throw new UsageError('give either --fire or --drop')
    if (fire !== undefined)
      return await change(args, 'POST', `/v1/timers/${encodeURIComponent(fire)}/fire`, 'is due now')
    if (drop !== undefined) return await change(args, 'DELETE', `/v1/timers/${encodeURIComponent(drop)}`, 'was dropped')
    return await list(args)
  },
}

export const ticketsCommand: Subcommand = { flags: {}, words: [1, 1], run: tickets }

interface Timer {
  readonly timer: string
  readonly entity: string
  readonly due: string
  readonly name?: string
  readonly to: string
  readonly answer?: { readonly method: string }
}

interface Ticket {
  readonly ticket: string
  readonly entity: string
  readonly method: string
  readonly opened: string
  readonly expires: string | null
  readonly keys: number
  readonly asks: number
  readonly waiting: number
}

async function list(args: Args): Promise<number> {
  const [given, entity] = args.words
  if (given === undefined) throw new UsageError('give the SERVICE whose timers are wanted')
  const client = adminClient(args)
  const service = await serviceNamed(client, given)
  const of = entity === undefined ? '' : `?entity=${encodeURIComponent(entity)}`
  const path = `/v1/services/${encodeURIComponent(service)}/timers${of}`
  const { entries, next } = await client.pages(path, 'timers', shownMax)
  const timers: readonly Timer[] = entries
  if (args.is('json')) printJson({ timers })
  else if (timers.length === 0) print(`${service} has nothing that is due later.`)
  else {
    print(table(timers.map(row)))
    if (next !== null) print(`These are the first ${timers.length}; name an ENTITY to see its own.`)
  }
  return 0
}

const shownMax = 5_000

function row({ timer, entity, due, name, to, answer }: Timer): readonly string[] {
  const what = answer === undefined ? to : `${to}, answered to ${answer.method}`
  return [timer, entityName(entity), due.replace('.000Z', 'Z'), name ?? '-', what]
}

async function change(args: Args, method: 'POST' | 'DELETE', path: string, became: string): Promise<number> {
  const client = adminClient(args)
  const told = (await client.change(method, path)) as { id: number; to: string }
  if (args.is('json')) printJson(told)
  else print(`The call of ${told.to} ${became}, as effect ${told.id}.`)
  return 0
}

async function tickets(args: Args): Promise<number> {
  const client = adminClient(args)
  const service = await serviceNamed(client, args.words[0]!)
  const told = (await client.get(`/v1/services/${encodeURIComponent(service)}/tickets`)) as {
    tickets: Ticket[]
    next: string | null
  }
  if (args.is('json')) printJson(told)
  else if (told.tickets.length === 0) print(`${service} has answered all callers.`)
  else {
    print(
      table(
        told.tickets.map(({ ticket, entity, method, expires, keys, asks, waiting }) => [
          ticket,
          entityName(entity),
          method,
          expires === null ? 'for ever' : `until ${expires.replace('.000Z', 'Z')}`,
          `${counted(waiting, 'caller')} connected, ${counted(keys, 'key')}, ${counted(asks, 'ask')}`,
        ]),
      ),
    )
    if (told.next !== null) print('There are more.')
  }
  return 0
}
