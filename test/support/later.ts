// The fixture test/fixtures/later of a language: what its services say of effects, asks and tickets, asked without a host.

import * as assert from 'uvu/assert'
import { type AskOutcome, answerEntry } from '../../host/delivery/answers.ts'
import type { Artefact } from '../../host/guest/artefact.ts'
import type { GuestCommand } from '../../host/guest/guest.ts'
import { GuestFault } from '../../host/guest/guest.ts'
import type { LoadedGuest } from '../../host/guest/load.ts'
import { load } from '../../host/guest/load.ts'
import { defaultLimits } from '../../host/limits.ts'
import { noMetadata } from '../../host/metadata.ts'
import type { Call, Effect, Outcome } from '../../host/outcome.ts'
import { loadSchema } from '../../host/schema/load.ts'
import type { Schema } from '../../host/schema/schema.ts'
import { toMessage } from '../../host/transcode/to-message.ts'

const seed = new Uint8Array(16)
const name = 'n'
const ticket = 't'
const bank = 'later.v1.Bank'
const minuteMs = 60_000

type Service = 'Shop' | 'Book' | 'Room' | 'Bank'

/** What the SDK says of each mistake, without the place. */
export interface Mistakes {
  readonly noNumber: RegExp
  readonly tooMany: RegExp
  readonly noName: RegExp
  readonly noTicket: RegExp
  readonly tooLong: RegExp
  readonly askOfAnother: RegExp
  /** Of another word than the service has: only where the compiler does not find it. */
  readonly more?: Readonly<Record<string, RegExp>>
}

export class Later {
  private readonly guest: LoadedGuest
  private readonly schema: Schema

  constructor(artefact: Artefact) {
    this.guest = load(artefact, defaultLimits, (_, method) => method === 'Open')
    this.schema = loadSchema(artefact.description.descriptors)
  }

  private line(text: string): Uint8Array {
    return Uint8Array.from(toMessage(this.schema, this.schema.messages.get('later.v1.Line')!, { id: 'a', text }))
  }

  private said(text: string): Uint8Array {
    return Uint8Array.from(toMessage(this.schema, this.schema.messages.get('later.v1.Said')!, { text }))
  }

  /** @throws GuestFault */
  say(service: Service, text: string, method = service === 'Bank' ? 'Charge' : 'Do'): Outcome {
    return this.decide(service, { method, payload: this.line(text), metadata: [], nowMs: 0, seed }).outcome
  }

  private decide(service: Service, command: GuestCommand): { readonly outcome: Outcome; readonly value?: Uint8Array } {
    const full = `later.v1.${service}`
    if (service === 'Bank') return { outcome: this.guest.action!.call(full, [command])[0]! }
    if (service === 'Room') {
      const { answer } = this.guest.replicated!.decide(full, 'a', new Uint8Array(), command)
      if (answer.kind !== 'now') throw new Error('the host is asked for what the view has')
      return { outcome: answer.outcome }
    }
    if (service === 'Book') {
      const decided = this.guest.eventSourced!.decide(full, 'a', { kind: 'initial' }, [command], true)
      if (decided.kind !== 'decided') throw new Error('nothing was held')
      return { outcome: decided.decisions[0]!.outcome }
    }
    const decided = this.guest.value!.decide(full, 'a', { kind: 'absent' }, [command])
    if (decided.kind !== 'decided') throw new Error('nothing was held')
    const { outcome, change } = decided.decisions[0]!
    return change?.kind === 'updated' ? { outcome, value: change.value } : { outcome }
  }

  private call(text: string): Call {
    return { service: bank, method: 'Charge', payload: this.line(text), metadata: [] }
  }

  private effects(service: Service, text: string): readonly Effect[] {
    return this.say(service, text).effects.map((effect) => {
      assert.equal(effect.call, this.call(text), text)
      return effect
    })
  }

  private one(service: Service, text: string, said: Partial<Effect>): void {
    assert.equal(
      this.effects(service, text),
      [{ call: this.call(text), synchronous: false, ...said }],
      `${service} ${text}`,
    )
  }

  /** Of every service: when an effect is due, and how long one waits for it. */
  checkDue(): void {
    for (const service of ['Shop', 'Book', 'Room', 'Bank'] as const) {
      this.one(service, 'within', { withinMs: 1_500 })
      this.one(service, 'after', { due: { kind: 'after', ms: minuteMs / 2 }, withinMs: 1_500 })
      this.one(service, 'after before', { due: { kind: 'after', ms: 0 } })
      this.one(service, 'at', { due: { kind: 'at', ms: 25 * 60 * minuteMs } })
    }
  }

  /** Of every entity. */
  checkEntities(): void {
    for (const service of ['Shop', 'Book', 'Room'] as const) {
      this.one(service, 'name', { name, synchronous: true })
      assert.equal(this.say(service, 'cancel').cancels, [name, 'ü'])
      const { answer, cancels, resolves } = this.say(service, 'refuse')
      assert.equal([answer.kind, cancels, resolves], ['failure', undefined, undefined])
      if (service === 'Shop') continue
      assert.equal(this.say(service, 'later').answer, { kind: 'later', deferred: { ticket, withinS: 1 } })
    }
    const later = (text: string) => this.say('Shop', text, 'Place').answer
    assert.equal(later('for ever'), { kind: 'later', deferred: { ticket, withinS: undefined } })
    assert.equal(later('short'), { kind: 'later', deferred: { ticket, withinS: 2 } })
  }

  checkAsks(): void {
    const note = this.said('note')
    assert.equal(this.effects('Shop', 'ask'), [
      {
        call: this.call('ask'),
        synchronous: false,
        due: { kind: 'at', ms: 1_000 },
        name,
        answer: { method: 'Charged', note },
        withinMs: 20,
      },
      {
        call: this.call('ask'),
        synchronous: false,
        due: { kind: 'after', ms: 2_000 },
        answer: { method: 'Charged', note: new Uint8Array() },
      },
    ])
    const { resolves } = this.say('Shop', 'resolve')
    const failure = {
      code: 10,
      message: 'no luck',
      details: [{ typeName: 'later.v1.Said', data: this.said('detail') }],
    }
    const metadata = [
      ['x-note', 'kept'],
      ['x-data-bin', Uint8Array.of(1, 2)],
    ]
    assert.equal(resolves, [
      { ticket, method: 'Place', answer: { kind: 'message', payload: this.line('resolve') }, metadata },
      { ticket: 'u', method: 'Place', answer: { kind: 'failure', failure }, metadata: [] },
    ])
  }

  /** What the asker makes of an answer that a host has composed. */
  private heard(outcome: AskOutcome, note: Uint8Array): string {
    const cause = { service: 'later.v1.Shop', entity: 'a' }
    const asked = { method: 'Charged', note, hops: 0 }
    const ask = { cause, answer: asked, from: cause, call: this.call('') } as unknown as Parameters<
      typeof answerEntry
    >[0]
    const { payload } = answerEntry(ask, outcome).call
    const { value } = this.decide('Shop', { method: 'Charged', payload, metadata: noMetadata, nowMs: 0, seed })
    return Buffer.from(value!).subarray(2).toString()
  }

  checkAnswers(): void {
    assert.is(this.heard({ kind: 'reply', payload: this.line('paid') }, this.said('!')), 'paid!')
    const details = [{ typeName: 'google.rpc.ErrorInfo', data: Uint8Array.from([10, 7, ...Buffer.from('REFUSED')]) }]
    const failure = { code: 14, message: 'gone', details }
    const none = new Uint8Array()
    assert.is(this.heard({ kind: 'failure', failure, happened: 'REFUSED' }, this.said('?')), 'refused?')
    assert.is(this.heard({ kind: 'failure', failure, happened: 'NOT_SENT' }, none), 'not sent')
    // An ErrorInfo of another domain says nothing of it.
    assert.is(this.heard({ kind: 'failure', failure, happened: 'UNKNOWN' }, none), 'unknown')
  }

  checkMistakes(mistakes: Mistakes): void {
    const { noNumber, tooMany, noName, noTicket, tooLong, askOfAnother, more = {} } = mistakes
    const has = (service: Service, text: string, pattern: RegExp, method?: string) => {
      const { words = '' } = faultOf(() => this.say(service, text, method))
      assert.match(words, pattern, `${service} ${text}`)
    }
    has('Bank', 'no number', noNumber)
    has('Book', 'too many', tooMany)
    has('Room', 'no name', noName)
    has('Shop', 'no ticket', noTicket)
    has('Shop', 'too long', tooLong)
    has('Shop', 'ask of another', askOfAnother)
    for (const [where, pattern] of Object.entries(more)) {
      const [service, text, method] = where.split('/')
      has(service as Service, text!, pattern, method)
    }
  }
}

function faultOf(run: () => unknown): GuestFault {
  try {
    run()
  } catch (fault) {
    assert.instance(fault, GuestFault)
    return fault as GuestFault
  }
  throw new Error('there was no fault')
}
