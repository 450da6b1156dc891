// Waiting budget: how much waits in the whole host, commands and their bytes, wherever they wait. One budget for entities and actions.
//
// W1. Past `waitingCommandsMax` or `waitingBytesMax` callers are told to retry; what the host itself adds always gets in.
// W2. Of both, a service has a share, and so has a client's address (shares.S3). Effects and forwards are no client's.
// W3. Who adds or removes has the accounts at hand: a command costs no look-up but one of its client.
// W4. A command whose commit waits for the disk still waits: so a disk that hangs fills no memory.
//
// Owns: the count.   Mailboxes, activations and the queues of actions own: what waits.   in-flight.ts owns: the bytes of clients, those that wait for
//   them included.

import { InnkeeperError } from './errors.ts'
import type { Limits } from './limits.ts'
import { usedUpBy } from './shares.ts'

/** What waits of one service, or of one client. */
export class Account {
  readonly name: string
  commands = 0
  bytes = 0

  constructor(name: string) {
    this.name = name
  }
}

/** Accounts of clients with nothing waiting are looked for when there are so many of all. */
const clientsMin = 1_000

export class WaitingBudget {
  private readonly limits: Limits
  /** Commands of clients, ever. */
  ofClients = 0
  private waiting = 0
  private waitingBytes = 0
  /** As many as names were ever served. */
  private readonly services = new Map<string, Account>()
  private readonly clients = new Map<string, Account>()
  private clientsMax = clientsMin

  constructor(limits: Limits) {
    this.limits = limits
  }

  get commands(): number {
    return this.waiting
  }

  service(name: string): Account {
    let account = this.services.get(name)
    if (account === undefined) {
      account = new Account(name)
      this.services.set(name, account)
    }
    return account
  }

  /** To be used in the same turn of the loop: one that has nothing waiting may be forgotten. */
  client(address: string | undefined): Account | undefined {
    if (address === undefined) return undefined
    let account = this.clients.get(address)
    if (account === undefined) {
      if (this.clients.size >= this.clientsMax) this.forgetClients()
      account = new Account(address)
      this.clients.set(address, account)
    }
    return account
  }

  /** Services with commands that wait. */
  *byService(): Iterable<readonly [service: string, commands: number]> {
    for (const { name, commands } of this.services.values()) if (commands > 0) yield [name, commands]
  }

  /** @throws InnkeeperError `overloaded` if there is no room for another command of so many bytes */
  admit(service: Account, client: Account | undefined, bytes: number): void {
    const refusal = this.refusal(service, client, bytes)
    if (refusal !== undefined) throw refusal
  }

  /** Why there is no room for another command of so many bytes. */
  refusal(service: Account, client: Account | undefined, bytes: number): InnkeeperError | undefined {
    const { waitingCommandsMax, waitingBytesMax } = this.limits
    if (this.waiting >= waitingCommandsMax)
      return overloaded(`${waitingCommandsMax} commands are waiting in this host; try again later`)
    // One command gets in where nothing waits, however large it is.
    if (this.waiting === 0) return undefined
    if (this.waitingBytes + bytes > waitingBytesMax)
      return overloaded(`${waitingBytesMax} bytes of commands are waiting in this host; try again later`)
    const whose =
      usedUpBy(waitingCommandsMax, this.waiting, service.commands, client?.commands, 1) ??
      usedUpBy(waitingBytesMax, this.waitingBytes, service.bytes, client?.bytes, bytes)
    if (whose === 'service') return this.usedUp(service.name, service)
    return whose === 'client' ? this.usedUp('your address', client!) : undefined
  }

  add(service: Account, client: Account | undefined, bytes: number): void {
    this.waiting += 1
    this.waitingBytes += bytes
    service.commands += 1
    service.bytes += bytes
    if (client === undefined) return
    this.ofClients += 1
    client.commands += 1
    client.bytes += bytes
  }

  remove(service: Account, client: Account | undefined, bytes: number): void {
    this.waiting -= 1
    this.waitingBytes -= bytes
    service.commands -= 1
    service.bytes -= bytes
    if (client === undefined) return
    client.commands -= 1
    client.bytes -= bytes
  }

  private usedUp(who: string, { commands, bytes }: Account): InnkeeperError {
    const { waitingCommandsMax, waitingBytesMax } = this.limits
    return overloaded(
      `${who} has used up its share of the commands that may wait in this host: ${commands} of ${waitingCommandsMax} commands, ${bytes} of ` +
        `${waitingBytesMax} bytes; try again later`,
    )
  }

  private forgetClients(): void {
    for (const [address, { commands }] of this.clients) if (commands === 0) this.clients.delete(address)
    this.clientsMax = Math.max(clientsMin, 2 * this.clients.size)
  }
}

function overloaded(message: string): InnkeeperError {
  return new InnkeeperError('overloaded', message)
}
