// In flight: every byte that clients have sent and not finished, or were sent and have not read, by connection, address and host.
//
// F1. A byte counts from when it came in until its request is answered, or its client has read the answer. So do the bytes that a service keeps for
//     a client's stream, and what an open request takes besides.
// F2. All together are at most `max`; one connection has at most `connectionMax`; one address has its share (shares.ts): who holds no more than an
//     eighth may have whatever is free, and who holds more leaves that part free.
// F3. Past a bound something is cut at once: the requests that have been incomplete longest, or the answers that have most to be read, of that
//     connection or address; else of the address that holds most. A sixteenth more than needed goes, so that cutting is rare. Requests that are
//     whole and wait for their answer are never cut, and of many requests the small ones only where that is not enough.
// F4. Where nothing can be cut, the request that wants more is refused.
// F5. Nothing is looked for while no bound is passed: a small request costs additions, and a place in a set.
//
// Owns: the count, and who is cut.   The protocols own: the bytes, and how a request of theirs is cut.

import { isIPv6 } from 'node:net'
import { InnkeeperError } from './errors.ts'
import { fits, shareParts } from './shares.ts'

interface InFlightParts {
  readonly max: number
  readonly connectionMax: number
  /** What the bound is called among the settings. */
  readonly setting: string
  /** An address that has more than one part in so many leaves as much free (F2): `shareParts` where nothing is said; infinite: nothing. */
  readonly parts?: number
  /** A request of this client's address was cut. */
  readonly cut?: (address: string) => void
}

/** More than needed is cut, so much of the bound (F3). */
const spare = 16

export class InFlight {
  readonly parts: InFlightParts
  private readonly reserve: number
  private readonly addresses = new Map<string, Address>()
  private readonly connections = new WeakMap<object, Connection>()
  private total = 0
  private moment = 0
  private readonly straining = new Set<Connection>()
  /** Requests and answers that were cut or refused. */
  cuts = 0

  constructor(given: InFlightParts) {
    this.parts = given
    this.reserve = Math.floor(given.max / (given.parts ?? shareParts))
  }

  get bytes(): number {
    return this.total
  }

  /** Of the address that has most. */
  get mostOfAddress(): number {
    let most = 0
    for (const { bytes } of this.addresses.values()) most = Math.max(most, bytes)
    return most
  }

  /** Of a socket; the same one until `Connection.close`. */
  of(socket: { readonly remoteAddress?: string | undefined }): Connection {
    let connection = this.connections.get(socket)
    if (connection === undefined) {
      const name = clientOf(socket.remoteAddress)
      let address = this.addresses.get(name)
      if (address === undefined) {
        address = { name, bytes: 0, connections: new Set() }
        this.addresses.set(name, address)
      }
      connection = new Connection(this, address)
      address.connections.add(connection)
      this.connections.set(socket, connection)
    }
    return connection
  }

  /** What stands for a socket where many exchanges share one. */
  is(standIn: object, connection: Connection): void {
    this.connections.set(standIn, connection)
  }

  /** A point in the order of all that comes in. What became incomplete before it: `cutBefore`. */
  mark(): number {
    return ++this.moment
  }

  /** Ends what has been incomplete since before a mark. */
  cutBefore(mark: number, error: () => InnkeeperError): void {
    for (const { connections } of this.addresses.values())
      for (const { listed } of connections)
        for (const flow of listed) if (flow.since !== 0 && flow.since < mark) this.cut(flow, error())
  }

  /** For `Flow` and `Connection`. */
  add(connection: Connection, bytes: number): void {
    this.total += bytes
    connection.bytes += bytes
    connection.address.bytes += bytes
  }

  /** For `Flow`: true where a bound is passed. */
  strained({ bytes, address }: Connection): boolean {
    const { max, connectionMax } = this.parts
    if (bytes > connectionMax) return true
    // The rule of shares asks no more than this of anybody.
    if (this.total <= max - this.reserve) return false
    return !fits(max - this.total, address.bytes, this.reserve)
  }

  /** F3, at once. */
  relieve(connection: Connection): void {
    const { connectionMax, max } = this.parts
    const { address } = connection
    if (connection.bytes > connectionMax)
      this.free([connection], connection.bytes - connectionMax + Math.floor(connectionMax / spare))
    if (!this.strained(connection)) return
    const goal = this.total - (max - (address.bytes > this.reserve ? this.reserve : 0)) + Math.floor(max / spare)
    let left = goal
    if (address.bytes > this.reserve) left -= this.free(address.connections, left)
    if (!this.strained(connection)) return
    // Who has more than the one that asks, most first.
    const heavier = [...this.addresses.values()].filter((other) => other !== address && other.bytes > address.bytes)
    for (const other of heavier.sort((a, b) => b.bytes - a.bytes)) {
      left -= this.free(other.connections, Math.min(left, other.bytes - address.bytes))
      if (left <= 0) return
    }
    if (this.strained(connection)) this.free(address.connections, left)
  }

  /** After what runs now: for who cannot be cut where it stands. */
  relieveSoon(connection: Connection): void {
    if (this.straining.size === 0)
      queueMicrotask(() => {
        const all = [...this.straining]
        this.straining.clear()
        for (const each of all) if (this.strained(each)) this.relieve(each)
      })
    this.straining.add(connection)
  }

  cut(flow: Flow, error: InnkeeperError): void {
    this.cuts += 1
    this.parts.cut?.(flow.connection.client)
    flow.cutOff(error)
  }

  refusal(): InnkeeperError {
    const { setting } = this.parts
    return new InnkeeperError(
      'overloaded',
      `too many bytes of requests and answers are in flight (${setting}), so the host dropped this request to make room; send it again later`,
    )
  }

  /** A connection's last: who is gone is not known any more. */
  forget(address: Address): void {
    if (address.connections.size === 0) this.addresses.delete(address.name)
  }

  /** Cuts so many bytes of what these connections have, if they have them. Answers how many. */
  private free(connections: Iterable<Connection>, wanted: number): number {
    const incomplete: Flow[] = []
    const unread: Flow[] = []
    let incompleteBytes = 0
    let unreadBytes = 0
    for (const { listed } of connections)
      for (const flow of listed) {
        if (flow.since !== 0) {
          incomplete.push(flow)
          incompleteBytes += flow.bytes
        } else if (flow.unread > 0) {
          unread.push(flow)
          unreadBytes += flow.unread
        }
      }
    const oldest = incomplete.sort((a, b) => a.since - b.since)
    const largest = unread.sort((a, b) => b.unread - a.unread)
    // Small ones among large ones are not what takes the room.
    const half = incompleteBytes / incomplete.length / 2
    const inOrder = [...oldest.filter(({ bytes }) => bytes >= half), ...oldest.filter(({ bytes }) => bytes < half)]
    let freed = 0
    for (const flow of incompleteBytes >= unreadBytes ? [...inOrder, ...largest] : [...largest, ...inOrder]) {
      if (freed >= wanted) break
      freed += flow.bytes
      this.cut(flow, this.refusal())
    }
    return freed
  }
}

interface Address {
  readonly name: string
  bytes: number
  readonly connections: Set<Connection>
}

export class Connection {
  readonly account: InFlight
  readonly address: Address
  bytes = 0
  /** Flows that can be cut, or could be once. */
  readonly listed = new Set<Flow>()
  private open = true

  constructor(account: InFlight, address: Address) {
    this.account = account
    this.address = address
  }

  /** One request and its answer. `cut` ends it with an error where it can still be told, and closes it. */
  begin(cut: (error: InnkeeperError) => void): Flow {
    return new Flow(this, cut)
  }

  get closed(): boolean {
    return !this.open
  }

  /** Who its client is: `clientOf` its address. */
  get client(): string {
    return this.address.name
  }

  /** So many bytes stay for so long, whatever becomes of it. */
  keep(bytes: number, ms: number): void {
    if (bytes === 0) return
    this.account.add(this, bytes)
    setTimeout(() => {
      this.account.add(this, -bytes)
      this.settle()
    }, ms).unref()
  }

  /** It has ended: what was incomplete or unread is gone with it. Requests in hand are counted until they are answered. */
  close(): void {
    if (!this.open) return
    this.open = false
    for (const flow of this.listed) if (flow.since !== 0 || flow.unread > 0) flow.close()
    this.settle()
  }

  /** For `Flow`. */
  settle(): void {
    if (this.open || this.bytes > 0) return
    this.address.connections.delete(this)
    this.account.forget(this.address)
  }
}

export class Flow {
  readonly connection: Connection
  private readonly cutting: (error: InnkeeperError) => void
  /** All that is counted of it. */
  bytes = 0
  unread = 0
  /** When what is incomplete began to be; 0: nothing is. */
  since = 0
  private input = 0
  private over = false

  constructor(connection: Connection, cutting: (error: InnkeeperError) => void) {
    this.connection = connection
    this.cutting = cutting
  }

  get closed(): boolean {
    return this.over
  }

  /** So many bytes of its request are here now, and it is incomplete until `inHand`. False: it was cut. */
  holds(bytes: number): boolean {
    if (this.over) return false
    const { account, closed } = this.connection
    if (closed && bytes > this.input) this.close()
    if (this.over) return false
    const more = bytes - this.input
    this.input = bytes
    this.count(more)
    if (bytes === 0) this.since = 0
    else if (this.since === 0) {
      this.since = account.mark()
      this.connection.listed.add(this)
    }
    if (more > 0 && account.strained(this.connection)) {
      account.relieve(this.connection)
      if (!this.over && account.strained(this.connection)) account.cut(this, account.refusal())
    }
    return !this.over
  }

  /** What it holds is a request that is dispatched, or elements that were taken: it is not incomplete now. */
  inHand(): void {
    this.since = 0
  }

  /** So many bytes more wait for its client to read on, or fewer, where negative: written ones, and those that the host keeps for its stream. */
  owes(bytes: number): void {
    if (this.over) return
    this.unread += bytes
    this.count(bytes)
    if (bytes <= 0) return
    const { account, listed } = this.connection
    if (this.connection.closed) {
      this.close()
      return
    }
    listed.add(this)
    if (account.strained(this.connection)) account.relieveSoon(this.connection)
  }

  /** Nothing of it is here any more. */
  close(): void {
    if (this.over) return
    this.over = true
    this.since = 0
    this.unread = 0
    this.count(-this.bytes)
    this.connection.listed.delete(this)
    this.connection.settle()
  }

  /** For `InFlight`. */
  cutOff(error: InnkeeperError): void {
    if (this.over) return
    this.close()
    this.cutting(error)
  }

  private count(bytes: number): void {
    this.bytes += bytes
    this.connection.account.add(this.connection, bytes)
  }
}

/** Who a client is by its address. Of IPv6 it is the network: each of its clients has 2^64 addresses. */
export function clientOf(address: string | undefined): string {
  if (address === undefined) return ''
  const plain = address.replace(/^::ffff:(?=\d+\.)/, '')
  if (!isIPv6(plain)) return plain
  const [head = '', tail] = plain.replace(/%.*/, '').split('::')
  const left = head === '' ? [] : head.split(':')
  const right = tail === undefined || tail === '' ? [] : tail.split(':')
  const zeros = tail === undefined ? [] : Array(Math.max(0, 8 - left.length - right.length)).fill('0')
  return `${[...left, ...zeros, ...right].slice(0, 4).join(':')}::/64`
}
