// Truth: what must be true of a host, from what its clients sent and were told alone.
//
//   durable      what was acknowledged is there
//   once         no token is there twice: no command and no effect is decided again
//   whole        a command is there with all that it sends, or not at all
//   in order     an answer shows a beginning of the list that is there at the end, with all that was acknowledged before it was asked for
//   one answer   a key that is repeated is decided once, and answered as at first
//   by the clock each run of a schedule that the host has counted is there, for a time of its own, in order; and runs go on
//   later        what is due later is there once it is due, unless another of its name took its place; what was asked is heard of; what was deferred is
//                answered as it was resolved
//   heard of     a client that was told that its stream is open, and left, is heard of once

import type { Chances } from './chances.ts'
import type { Order, Send } from './program.ts'
import type { Call, Service, Stream, World } from './world.ts'

interface Said {
  readonly service: Service
  readonly id: string
  readonly order: Order
  readonly key: string | undefined
  readonly calls: Call[]
}

interface Opened {
  readonly id: string
  readonly order: Order
  readonly stream: Stream
}

interface Relayed {
  readonly sends: readonly Send[]
  readonly stream: Stream
}

/** Lists of tokens, or counts of them, by service and id. */
type Stored = ReadonlyMap<string, readonly string[]>

/** Effects are tried again for so long, in milliseconds. */
const settleMs = 1_800_000

export class Truth {
  private readonly world: World
  private readonly all: Said[] = []
  private readonly streams: Opened[] = []
  private readonly relays: Relayed[] = []
  private readonly wrong: string[] = []

  constructor(world: World) {
    this.world = world
  }

  said(service: Service, id: string, order: Order, key: string | undefined): void {
    const call = this.world.call(service, id, order, key)
    this.all.push({ service, id, order, key, calls: [call] })
  }

  sayAgain(chances: Chances): boolean {
    const keyed = this.all.filter(({ key }) => key !== undefined).slice(-8)
    if (keyed.length === 0) return false
    const { service, id, order, key, calls } = chances.pick(keyed)
    calls.push(this.world.call(service, id, order, key))
    return true
  }

  opened(id: string, order: Order): void {
    this.streams.push({ id, order, stream: this.world.open('Marks', 'Open', id, order) })
  }

  relayed(sends: readonly Send[]): void {
    this.relays.push({ sends, stream: this.world.open('Relay', 'Out', '', { sends }) })
  }

  leaveOne(chances: Chances): void {
    const open = this.streams.filter(({ stream }) => stream.ended === undefined)
    if (open.length > 0) chances.pick(open).stream.leave()
  }

  /** Waits until all has come to rest, and says what is wrong. */
  async judged(): Promise<readonly string[]> {
    const { world } = this
    if (world.disk !== undefined) world.disk.failing = 0
    await world.run(60_000)
    for (const { stream } of this.streams) stream.leave()
    await world.run(5_000)
    for (let waited = 0; waited < settleMs && !world.resting(); waited += 5_000) await world.run(5_000)
    if (!world.resting()) this.wrong.push(`effects are left: ${world.left()}`)
    const stored = await this.read()
    for (const said of this.all) this.judge(said, stored)
    for (const opened of this.streams) this.judgeStream(opened, stored)
    for (const relayed of this.relays) this.judgeRelay(relayed, stored)
    await this.judgeSchedules()
    for (const [of, tokens] of stored)
      for (const [at, token] of tokens.entries())
        if (tokens.indexOf(token) !== at) this.wrong.push(`once: ${token} is in ${of} more than once`)
    return this.wrong
  }

  private async read(): Promise<Stored> {
    const { world } = this
    const stored = new Map<string, readonly string[]>()
    const of = new Map<string, Set<string>>([['Notes', new Set(['left'])]])
    const see = (service: Service, id: string, { sends = [], forward }: Order) => {
      if (service !== 'Relay') of.set(service, (of.get(service) ?? new Set()).add(id))
      for (const [to, other, order] of sends) see(to, other, order)
      if (forward !== undefined) see(...forward)
    }
    for (const { service, id, order } of this.all) see(service, id, order)
    for (const { id, order } of this.streams) see('Marks', id, order)
    for (const { sends } of this.relays) see('Relay', '', { sends })
    for (const [service, ids] of of)
      for (const id of ids) {
        const call = world.call(service as Service, id, {})
        await world.run(60_000, () => call.fate.kind !== 'waiting')
        if (call.fate.kind === 'said') stored.set(`${service} ${id}`, listOf(service as Service, call.fate.text))
        else this.wrong.push(`${service} ${id} cannot be read: ${JSON.stringify(call.fate)}`)
      }
    return stored
  }

  private async judgeSchedules(): Promise<void> {
    const { world } = this
    for (const service of ['Ledger', 'Notes'] as const) {
      // Until none is on its way while it is looked at.
      for (let tries = 0; ; tries++) {
        const before = world.runsOf(service)
        const call = world.call(service, 'ticks', {})
        await world.run(60_000, () => call.fate.kind !== 'waiting')
        const after = world.runsOf(service)
        if (tries < 100 && (before === undefined || before !== after)) {
          await world.run(1_000)
          continue
        }
        const times = call.fate.kind === 'said' && call.fate.text !== '' ? call.fate.text.split(',') : []
        if (times.length !== before)
          this.wrong.push(`by the clock: ${service} ran ${before} times, and ${times.length} are there`)
        if (times.some((time, at) => at > 0 && time <= times[at - 1]!))
          this.wrong.push(`by the clock: ${service} ran for ${times.join()}`)
        const last = Date.parse(times.at(-1) ?? '')
        if (!(world.wallMs - last < 60_000)) this.wrong.push(`by the clock: ${service} ran last for ${times.at(-1)}`)
        break
      }
    }
  }

  private judge(said: Said, stored: Stored): void {
    const { service, id, order, key, calls } = said
    const name = `${service} ${id} ${order.token ?? ''}${key === undefined ? '' : ` (${key})`}`
    const answers = new Set(calls.flatMap(({ fate }) => (fate.kind === 'said' ? [fate.text] : [])))
    if (calls.some(({ fate }) => fate.kind === 'waiting')) this.wrong.push(`${name} was never answered`)
    if (answers.size > 1) this.wrong.push(`one answer: ${name} was answered ${[...answers].join(' and then ')}`)
    const refused = order.refuse === true || order.trap === true
    const told = answers.size > 0
    if (refused && told) this.wrong.push(`${name} was to be refused`)
    if (order.token !== undefined) {
      const is = has(stored, service, id, order.token)
      if (refused && is) this.wrong.push(`whole: ${name} was refused, and is there`)
      if (told && !is) this.wrong.push(`durable: ${name} was acknowledged, and is not there`)
      this.judgeSends(name, [service, id], order, stored, is)
    } else if (service === 'Relay') {
      const there = tokensOf(order).map(([to, other, token]) => has(stored, to, other, token))
      if (told && there.includes(false))
        this.wrong.push(`durable: ${name} was acknowledged, and an effect of it is not there`)
      const sent = (order.sends ?? []).flatMap((send) =>
        firstOf(send).map(([to, other, token]) => has(stored, to, other, token)),
      )
      if (sent.includes(true) && sent.includes(false))
        this.wrong.push(`whole: ${name}: some of its effects are there, and some are not`)
    }
    this.judgeForward(name, order, stored, told)
    for (const call of calls) if (call.fate.kind === 'said') this.judgeAnswer(name, said, call, call.fate.text, stored)
  }

  private judgeSends(name: string, by: readonly [Service, string], order: Order, stored: Stored, is: boolean): void {
    for (const send of order.sends ?? []) {
      const { name: mayGo, hears } = send[4] ?? {}
      const heard = hears === undefined ? [] : [[...by, hears.token!] as const]
      for (const [to, id, token] of [...firstOf(send), ...heard]) {
        const there = has(stored, to, id, token)
        if (there === is || (is && mayGo !== undefined)) continue
        this.wrong.push(
          `whole: ${name} is ${is ? '' : 'not '}there, its effect ${token} in ${to} ${id} is ${there ? '' : 'not'}`,
        )
      }
      const [to, id, sent] = send
      // What its effects send, when they are there.
      if (!is || to === 'Relay' || (mayGo !== undefined && !has(stored, to, id, sent.token!))) continue
      this.judgeSends(`${to} ${id} ${sent.token}`, [to, id], sent, stored, true)
    }
  }

  private judgeForward(name: string, { forward }: Order, stored: Stored, told: boolean): void {
    if (forward === undefined || !told) return
    const [to, id, { token }] = forward
    if (!has(stored, to, id, token!))
      this.wrong.push(`durable: ${name} was answered by ${to} ${id}, and ${token} is not there`)
  }

  /** An answer is what was there when it was given. */
  private judgeAnswer(name: string, { service, id, order }: Said, call: Call, text: string, stored: Stored): void {
    const [of, which] = order.forward === undefined ? [service, id] : [order.forward[0], order.forward[1]]
    if (order.defer) {
      if (text !== `resolved ${order.token}`) this.wrong.push(`later: ${name} was answered ${text}`)
      return
    }
    if (of === 'Relay' || (of === 'Marks' && order.token !== undefined)) return
    const seen = listOf(of, text)
    const now = stored.get(`${of} ${which}`) ?? []
    if (of === 'Marks') {
      for (const token of seen)
        if (!now.includes(token)) this.wrong.push(`durable: ${name} showed ${token}, which is not there`)
    } else if (seen.some((token, at) => token !== now[at]))
      this.wrong.push(`in order: ${name} was told ${text}, and there is ${now.join()}`)
    // Of the first answer to a key, which may be given again later, this says nothing.
    if (order.token !== undefined) return
    const shown = new Set(seen)
    for (const other of this.all) {
      if (other.service !== of || other.id !== which || other.order.token === undefined) continue
      const before = other.calls.some(({ fate, toldMs }) => fate.kind === 'said' && toldMs < call.sentMs)
      if (before && !shown.has(other.order.token))
        this.wrong.push(`in order: ${name} does not show ${other.order.token}, which was acknowledged before`)
    }
  }

  private judgeStream({ id, order, stream }: Opened, stored: Stored): void {
    const name = `the stream on Marks ${id} ${order.token}`
    const is = has(stored, 'Marks', id, order.token!)
    const told = stream.texts.length > 0
    const heard = has(stored, 'Notes', 'left', order.leave!.token!)
    if (told && !is) this.wrong.push(`durable: ${name} was opened, and its token is not there`)
    if (heard && !is) this.wrong.push(`whole: ${name} was not opened, and its client was heard of`)
    if (told && !heard && (stream.ended === 'left' || stream.ended === 'crash'))
      this.wrong.push(`heard of: the client of ${name} left (${stream.ended}), and was not heard of`)
  }

  /** Elements come in their order, each with its effect. */
  private judgeRelay({ sends, stream }: Relayed, stored: Stored): void {
    const there = sends.map((send) => firstOf(send).every(([to, id, token]) => has(stored, to, id, token)))
    for (const [at, is] of there.entries())
      if (!is && at < stream.texts.length)
        this.wrong.push(`durable: element ${at} of a stream was given, its effect is not there`)
  }
}

function has(stored: Stored, service: Service, id: string, token: string): boolean {
  return stored.get(`${service} ${id}`)?.includes(token) === true
}

/** What an effect writes first: its own token, or, of an action, those of its effects. */
function firstOf([service, id, order]: Send): readonly (readonly [Service, string, string])[] {
  if (order.token !== undefined) return [[service, id, order.token]]
  return (order.sends ?? []).flatMap(firstOf)
}

/** All that an order writes, wherever; but for what another one of its name may have replaced. */
function tokensOf({ sends = [] }: Order): readonly (readonly [Service, string, string])[] {
  return sends
    .filter(([, , , , more]) => more?.name === undefined)
    .flatMap((send) => [...firstOf(send), ...(send[2].token === undefined ? [] : tokensOf(send[2]))])
}

/** Tokens as often as they were written. */
function listOf(service: Service, text: string): readonly string[] {
  if (text === '') return []
  if (service !== 'Marks') return text.split(',')
  return text.split(',').flatMap((entry) => {
    const [token, count] = entry.split('=')
    return Array.from({ length: Number(count) }, () => token!)
  })
}
