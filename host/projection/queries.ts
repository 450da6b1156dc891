// Queries: methods of views as calls: one answer, a stream of rows, or a stream of results.
//
// Q1. Effects and asks go to no view: it decides nothing, and they would wait for no outcome.
// Q2. `x-innkeeper-after` names commits that the answer is to reflect, `P:N` with commas between.
// Q3. Rows that a client has not read are counted (`Receiver.owes`), and are bounded by what a query may answer.
//
// Owns: this translation.   views.ts owns: the query.   live.ts owns: results that go on.

import type { Command, Receiver, Reply, StreamCall } from '../command.ts'
import { afterHeader } from '../commits.ts'
import { InnkeeperError, toInnkeeperError } from '../errors.ts'
import { noMetadata } from '../metadata.ts'
import type { Method, ViewService } from '../services.ts'
import type { LiveQueries } from './live.ts'
import type { After, Reached, Views } from './views.ts'

export class Queries {
  private readonly views: Pick<Views, 'query'>
  private readonly live: Pick<LiveQueries, 'open'>

  constructor(views: Pick<Views, 'query'>, live: Pick<LiveQueries, 'open'>) {
    this.views = views
    this.live = live
  }

  /** @throws InnkeeperError */
  ask(service: ViewService, { type }: Method, command: Command, reply: Reply): void {
    if (command.effect !== undefined)
      throw new InnkeeperError(
        'unimplemented',
        `${service.name} is a view: effects and asks go to entities and actions; read it in a call of its own`,
      )
    if (type.query?.live === true)
      throw new InnkeeperError('unimplemented', `${service.name}/${type.name} is live, for streams only`)
    this.run(service, type.name, command).then(
      ([payload = new Uint8Array()]) => reply({ kind: 'reply', payload, metadata: noMetadata }),
      (error: unknown) => reply({ kind: 'error', error: toInnkeeperError(error) }),
    )
  }

  /** @throws InnkeeperError */
  open(service: ViewService, { type }: Method, command: Command, receiver: Receiver): StreamCall {
    if (type.query?.live === true)
      return this.live.open({ service, method: type.name, request: command.payload, after: afterOf(command) }, receiver)
    const rows = new RowStream(receiver)
    this.run(service, type.name, command, rows.gone.signal).then(
      (messages) => rows.give(messages),
      (error: unknown) => rows.fail(toInnkeeperError(error)),
    )
    return rows
  }

  private async run(
    service: ViewService,
    method: string,
    command: Command,
    gone?: AbortSignal,
  ): Promise<readonly Uint8Array[]> {
    const after = { ...afterOf(command), ...(gone && { gone }) }
    return await this.views.query(service, method, command.payload, command.deadlineMs, after)
  }
}

class RowStream implements StreamCall {
  private readonly receiver: Receiver
  readonly gone = new AbortController()
  private messages: readonly Uint8Array[] = []
  private at = 0
  private owed = 0
  private over = false

  constructor(receiver: Receiver) {
    this.receiver = receiver
  }

  give(messages: readonly Uint8Array[]): void {
    if (this.over) return
    this.messages = messages
    this.owed = messages.reduce((sum, { length }) => sum + length, 0)
    this.receiver.owes(this.owed)
    this.resume()
  }

  fail(error: InnkeeperError): void {
    if (this.over) return
    this.over = true
    this.receiver.end({ kind: 'error', error })
  }

  resume(): void {
    while (!this.over && this.at < this.messages.length && this.receiver.ready) {
      const message = this.messages[this.at]!
      this.at += 1
      this.giveBack(message.length)
      this.receiver.next(message, noMetadata)
    }
    if (this.over || this.at < this.messages.length || this.messages === none) return
    this.over = true
    this.receiver.end()
  }

  cancel(): void {
    this.over = true
    this.gone.abort()
    this.giveBack(this.owed)
    this.messages = none
  }

  item(): boolean {
    return true
  }

  halfClose(): void {}

  private giveBack(bytes: number): void {
    this.owed -= bytes
    this.receiver.owes(-bytes)
  }
}

const none: readonly Uint8Array[] = Object.freeze([])

/** @throws InnkeeperError `bad_request` */
function afterOf({ metadata, client }: Command): After {
  const given = metadata.filter(([name]) => name === afterHeader)
  return { commits: given.length === 0 ? [] : given.flatMap(([, value]) => tokensOf(String(value))), client }
}

/** @throws InnkeeperError `bad_request` */
function tokensOf(value: string): readonly Reached[] {
  const tokens = value.split(',')
  const malformed = () =>
    new InnkeeperError('bad_request', `${afterHeader} is a list of PARTITION:COMMIT, as \`0:1234\``)
  return tokens.map((token) => {
    const match = /^\s*(\d{1,4}):(\d{1,16})\s*$/.exec(token)
    if (match === null) throw malformed()
    return { partition: Number(match[1]), commit: Number(match[2]) }
  })
}
