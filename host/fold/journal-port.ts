// Journal port: a thread reads the journal of the host, which is another thread's, a page at a time.
//
// P1. The thread that asks sleeps until it is answered: folding is a loop over pages, and has nothing else to do.
// P2. The host answers each question in its own turn of the loop, and a page is bounded: a fold takes no more of the loop than an
//     entity's replay does.
// P3. What the journal throws is told in an operator's words: the thread has no store of its own to look at.
//
// Owns: asking and answering.   folded-state.ts owns: what is asked.

import { type MessagePort, receiveMessageOnPort } from 'node:worker_threads'
import { operatorMessage, toInnkeeperError } from '../errors.ts'
import type { EntityRef, Journal } from '../journal/journal.ts'

export type ReadableJournal = Pick<Journal, 'events' | 'head' | 'opening' | 'snapshot'>

type Method = keyof ReadableJournal

interface Question {
  readonly method: Method
  readonly parameters: readonly unknown[]
}

interface Answer {
  readonly value?: unknown
  readonly error?: string
}

/** The journal would not say. */
export class JournalUnread extends Error {}

/** What a thread needs to ask. Can be sent to it; `port` has to be transferred. */
export interface AskingEnd {
  readonly port: MessagePort
  /** 1 once an answer is there. */
  readonly answered: Int32Array
}

/** Two ends of a channel; the first is the host's. */
export function journalChannel(journal: ReadableJournal): { readonly host: MessagePort; readonly thread: AskingEnd } {
  const { port1, port2 } = new MessageChannel() as unknown as { port1: MessagePort; port2: MessagePort }
  const answered = new Int32Array(new SharedArrayBuffer(4))
  port1.on('message', (question: Question) => {
    // A thread that asks at once for more would be heard in the same turn (P2).
    setImmediate(() => {
      port1.postMessage(answer(journal, question))
      Atomics.store(answered, 0, 1)
      Atomics.notify(answered, 0)
    })
  })
  return { host: port1, thread: { port: port2, answered } }
}

function answer(journal: ReadableJournal, { method, parameters }: Question): Answer {
  try {
    return { value: (journal[method] as (...all: readonly unknown[]) => unknown)(...parameters) }
  } catch (error) {
    return { error: operatorMessage(toInnkeeperError(error)) }
  }
}

export class PortedJournal implements ReadableJournal {
  private readonly end: AskingEnd

  constructor(end: AskingEnd) {
    this.end = end
  }

  head(entity: EntityRef): ReturnType<Journal['head']> {
    return this.ask('head', entity) as ReturnType<Journal['head']>
  }

  opening(...parameters: Parameters<Journal['opening']>): ReturnType<Journal['opening']> {
    return this.ask('opening', ...parameters) as ReturnType<Journal['opening']>
  }

  snapshot(entity: EntityRef, sequenceMax?: number): ReturnType<Journal['snapshot']> {
    return this.ask('snapshot', entity, sequenceMax) as ReturnType<Journal['snapshot']>
  }

  events(...parameters: Parameters<Journal['events']>): ReturnType<Journal['events']> {
    return this.ask('events', ...parameters) as ReturnType<Journal['events']>
  }

  /** @throws JournalUnread */
  private ask(method: Method, ...parameters: readonly unknown[]): unknown {
    const { port, answered } = this.end
    port.postMessage({ method, parameters } satisfies Question)
    Atomics.wait(answered, 0, 0)
    Atomics.store(answered, 0, 0)
    const { value, error } = (receiveMessageOnPort(port) as { message: Answer }).message
    if (error !== undefined) throw new JournalUnread(error)
    return value
  }
}
