// RPC: calls between the main thread and the partition's, with lines on the way and a word when the caller has left.
//
// C1. Each call is answered once; a thread that ends answers all of its own that are open by `close`.
// C2. A line is taken when the other side's `line` has resolved: so a client that does not read is waited for across threads.
// C3. Errors keep their code: an InnkeeperError arrives as one, anything else as its message.
//
// Owns: matching answers to calls.   partition.ts, supervisor.ts own: what is called.

import type { MessagePort } from 'node:worker_threads'
import type { ErrorCode } from '../errors.ts'
import { InnkeeperError } from '../errors.ts'

type Handler = (parameters: unknown, call: Incoming) => Promise<unknown> | unknown

interface Incoming {
  /** Resolves when it was taken. */
  readonly line: (value: unknown) => Promise<void>
  /** The caller does not wait any more. */
  readonly closed: Promise<void>
}

type Message =
  | { readonly kind: 'call'; readonly id: number; readonly name: string; readonly parameters: unknown }
  | { readonly kind: 'line'; readonly id: number; readonly value: unknown }
  | { readonly kind: 'answer'; readonly id: number; readonly value: unknown }
  | { readonly kind: 'failed'; readonly id: number; readonly error: Told }
  | { readonly kind: 'left'; readonly id: number }
  /** The next line of the call. */
  | { readonly kind: 'taken'; readonly id: number }

interface Told {
  readonly code: ErrorCode | undefined
  readonly message: string
  /** Of the system, such as EADDRINUSE, and what was asked of it. */
  readonly system: string | undefined
  readonly syscall: string | undefined
  readonly retryAfterSeconds: number | undefined
  readonly cause: string | undefined
}

interface Open {
  readonly resolve: (value: unknown) => void
  readonly reject: (error: unknown) => void
  readonly line: (value: unknown) => unknown
}

type Port = Pick<MessagePort, 'postMessage'> & { on(event: 'message', listener: (message: Message) => void): unknown }

export class Rpc {
  private readonly port: Port
  private readonly open = new Map<number, Open>()
  private readonly leaving = new Map<number, () => void>()
  /** Lines on their way, by call, in order. */
  private readonly lines = new Map<number, (() => void)[]>()
  private lastId = 0
  private closed: Error | undefined

  constructor(port: Port, handlers: Readonly<Record<string, Handler>>) {
    this.port = port
    port.on('message', (message) => this.heard(message, handlers))
  }

  call<T>(
    name: string,
    parameters: unknown = undefined,
    line: (value: unknown) => unknown = () => {},
    left?: Promise<unknown>,
  ): Promise<T> {
    return new Promise((resolve, reject) => {
      if (this.closed !== undefined) {
        reject(this.closed)
        return
      }
      const id = ++this.lastId
      this.open.set(id, { resolve: resolve as (value: unknown) => void, reject, line })
      this.port.postMessage({ kind: 'call', id, name, parameters })
      void left?.then(() => {
        if (this.open.has(id)) this.port.postMessage({ kind: 'left', id })
      })
    })
  }

  /** The other thread is gone. */
  close(error: Error): void {
    this.closed = error
    for (const { reject } of this.open.values()) reject(error)
    this.open.clear()
  }

  private heard(message: Message, handlers: Readonly<Record<string, Handler>>): void {
    const { id } = message
    switch (message.kind) {
      case 'call':
        void this.answer(message, handlers[message.name])
        return
      case 'left':
        this.leaving.get(id)?.()
        return
      case 'line':
        void this.lineHeard(id, message.value)
        return
      case 'taken':
        this.lines.get(id)?.shift()?.()
        return
      case 'answer':
        this.open.get(id)?.resolve(message.value)
        break
      case 'failed':
        this.open.get(id)?.reject(toError(message.error))
        break
    }
    this.open.delete(id)
  }

  private async answer({ id, name, parameters }: Extract<Message, { kind: 'call' }>, handler: Handler | undefined) {
    const closed = new Promise<void>((resolve) => this.leaving.set(id, resolve))
    try {
      if (handler === undefined) throw new Error(`nothing is called ${name}`)
      const line = (value: unknown) =>
        new Promise<void>((resolve) => {
          const waiting = this.lines.get(id) ?? []
          this.lines.set(id, waiting)
          waiting.push(resolve)
          this.port.postMessage({ kind: 'line', id, value })
        })
      this.port.postMessage({ kind: 'answer', id, value: await handler(parameters, { line, closed }) })
    } catch (error) {
      this.port.postMessage({ kind: 'failed', id, error: told(error) })
    } finally {
      this.leaving.delete(id)
      this.lines.delete(id)
    }
  }

  private async lineHeard(id: number, value: unknown): Promise<void> {
    try {
      await this.open.get(id)?.line(value)
    } catch {
      // Whoever cannot take a line has left: the call ends by itself.
    }
    this.port.postMessage({ kind: 'taken', id })
  }
}

export function told(error: unknown): Told {
  const { message, code, syscall, cause } = error as NodeJS.ErrnoException
  const ours = error instanceof InnkeeperError ? error : undefined
  return {
    code: ours?.code,
    message: message ?? String(error),
    system: ours === undefined && typeof code === 'string' ? code : undefined,
    syscall,
    retryAfterSeconds: ours?.retryAfterSeconds,
    cause: cause instanceof Error ? cause.message : undefined,
  }
}

export function toError({ code, message, system, syscall, retryAfterSeconds, cause }: Told): Error {
  const because = cause === undefined ? undefined : new Error(cause)
  if (code !== undefined) return new InnkeeperError(code, message, because, retryAfterSeconds)
  return Object.assign(new Error(message, { cause: because }), {
    ...(system === undefined ? {} : { code: system }),
    ...(syscall === undefined ? {} : { syscall }),
  })
}
