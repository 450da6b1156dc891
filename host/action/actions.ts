// Actions: stateless services: unary calls, gathered by service, and streams.
//
// A1. Calls wait within the host's budget (waiting-budget.ts); past that callers are told to retry.
// A2. When a service is replaced, its open streams end with UNAVAILABLE (§stream-5).
//
// Owns: the set of running calls.   calls.ts, stream.ts own: one service's calls, one stream.

import type { Command, Receiver, Reply, StreamCall } from '../command.ts'
import type { ActionService, Method } from '../services.ts'
import type { WaitingCall } from './calls.ts'
import { Calls } from './calls.ts'
import type { ActionContext } from './context.ts'
import { ActionStream } from './stream.ts'

export class Actions {
  private readonly context: ActionContext
  private readonly calls = new Map<string, Calls>()
  private readonly streams = new Set<ActionStream>()

  constructor(context: ActionContext) {
    this.context = context
  }

  get openStreams(): number {
    return this.streams.size
  }

  /** @throws InnkeeperError `overloaded` */
  call({ name }: ActionService, command: Command, reply: Reply): WaitingCall {
    let calls = this.calls.get(name)
    if (calls === undefined) {
      calls = new Calls(this.context, name)
      this.calls.set(name, calls)
    }
    const { waiting: budget, clock } = this.context
    const client = budget.client(command.client)
    budget.admit(calls.account, client, command.payload.length)
    const waiting: WaitingCall = { command, reply, client, arrivedMs: clock.steady(), abandoned: false }
    calls.put(waiting)
    return waiting
  }

  open(service: ActionService, method: Method, command: Command, receiver: Receiver): StreamCall {
    const stream = new ActionStream(this.context, service, method, command, receiver, () => this.streams.delete(stream))
    this.streams.add(stream)
    return stream
  }

  /** Services changed. */
  switched(): void {
    for (const stream of [...this.streams]) {
      stream.interrupt(this.context.services.get(stream.serviceName))
    }
    for (const name of [...this.calls.keys()]) {
      if (this.context.services.get(name) === undefined) this.calls.delete(name)
    }
  }
}
