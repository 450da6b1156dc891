// The fixture test/fixtures/words of a language: what its services say to who runs them, asked without a host.

import * as assert from 'uvu/assert'
import type { Artefact } from '../../host/guest/artefact.ts'
import type { ActionStep, Basis, GuestCommand, StreamInput } from '../../host/guest/guest.ts'
import { GuestFault } from '../../host/guest/guest.ts'
import type { LoadedGuest } from '../../host/guest/load.ts'
import { load } from '../../host/guest/load.ts'
import { defaultLimits } from '../../host/limits.ts'
import type { Outcome, Typed } from '../../host/outcome.ts'
import { loadSchema } from '../../host/schema/load.ts'
import { toMessage } from '../../host/transcode/to-message.ts'

const said = ({ logs }: Outcome): readonly string[] => logs.map(({ level, text }) => `${level} ${text}`)
const seed = new Uint8Array(16)
const cutOff = Uint8Array.of(10)
/** A value of a set that exists, and of which nothing is shown. */
const hidden = Uint8Array.of(8, 1, 24, 1)

export class Words {
  private readonly artefact: Artefact
  private readonly guest: LoadedGuest

  constructor(artefact: Artefact) {
    this.artefact = artefact
    this.guest = load(artefact, defaultLimits, (_, method) => method === 'Open')
  }

  private message(type: 'Line' | 'Said' | 'State', text: string): Uint8Array {
    const schema = loadSchema(this.artefact.description.descriptors)
    return toMessage(schema, schema.messages.get(`words.v1.${type}`)!, { text })
  }

  private command(text: string): GuestCommand {
    return { method: 'Do', payload: this.message('Line', text), metadata: [], nowMs: 0, seed }
  }

  private event(text: string): Typed {
    return { typeName: 'words.v1.Said', data: this.message('Said', text) }
  }

  private get initial(): Basis {
    return { kind: 'initial' }
  }

  /** Log lines of each command of one batch to Lines. @throws GuestFault */
  batch(...texts: readonly string[]): readonly (readonly string[])[] {
    const commands = texts.map((text) => this.command(text))
    const decided = this.guest.eventSourced!.decide('words.v1.Lines', 'a', this.initial, commands, true)
    if (decided.kind !== 'decided') throw new Error('nothing was held')
    return decided.decisions.map(({ outcome }) => said(outcome))
  }

  evolve(events: readonly Typed[], basis: Basis = this.initial): void {
    this.guest.eventSourced!.evolve('words.v1.Lines', 'a', basis, events, true)
  }

  private stream(method: string, ...inputs: readonly StreamInput[]): ActionStep {
    return this.guest.action!.stream('words.v1.Talks', method, undefined, inputs, 0, seed)
  }

  /** The words of a fault, and what the host says of it: one way to fail. */
  way(text: string): GuestFault {
    return faultOf(() => this.batch(text))
  }

  private tell(note: Uint8Array) {
    const subscription = { id: '1', method: 'Open', note }
    return this.guest.replicated!.changed('words.v1.Rooms', 'a', new Uint8Array(), [subscription], 0)
  }

  /** What every language does the same. */
  checkLogs(): void {
    assert.equal(this.batch('levels', 'refuse', 'fold', 'levels'), [
      ['debug debug', 'info info', 'warn warn', 'error error'],
      ['info refused'],
      ['info before', 'info folded x'],
      ['debug debug', 'info info', 'warn warn', 'error error'],
    ])
    const [many] = this.batch('many')
    assert.equal([many!.length, many!.at(-1)], [100, 'info n99'])
    assert.equal(this.batch('long line'), [[`info ${'ü'.repeat(8_192)}`]])
    // What folds say of history belongs to no command.
    this.evolve([this.event('a'), this.event('b')])
    assert.equal(this.batch('refuse'), [['info refused']])
  }

  checkReplicatedLogs(): void {
    const guest = this.guest.replicated!
    const command = this.command('x')
    // Only the host knows the size: the lines are those of the second time.
    const { answer } = guest.decide('words.v1.Rooms', 'a', hidden, command)
    if (answer.kind !== 'after') throw new Error('the host was not asked')
    assert.equal(said(guest.render('words.v1.Rooms', 'a', hidden, command, answer.note)), ['info adding'])

    const [step] = this.tell(this.message('Line', ''))
    assert.equal([step!.outcome!.answer.kind, said(step!.outcome!), step!.end], ['none', ['info changed'], false])
    const subscription = { id: '1', method: 'Open', note: this.message('Line', '') }
    const left = guest.cancelled('words.v1.Rooms', 'a', new Uint8Array(), subscription, 0)
    assert.equal(left.answer.kind === 'now' && said(left.answer.outcome), ['info left'])
  }

  checkActionLogs(): void {
    const calls = this.guest.action!.call('words.v1.Talks', [this.command('a'), this.command('b')])
    assert.equal(calls.map(said), [['info do a'], ['info do b']])

    const start: StreamInput = { kind: 'start', metadata: [] }
    const item = (text: string): StreamInput => ({ kind: 'item', payload: this.message('Line', text) })
    const end: StreamInput = { kind: 'end' }
    const outputs = ({ outputs: list }: ActionStep) => list.map((output) => [output.answer.kind, ...said(output)])
    // A step's lines come with the next output, or with one of their own.
    assert.equal(outputs(this.stream('Chat', start, item('a'))), [['message', 'info item a']])
    assert.equal(outputs(this.stream('Chat', start, item(''), item('b'), item('c'), item(''))), [
      ['message', 'info item ', 'info item b'],
      ['message', 'info item c'],
      ['none', 'info item '],
    ])
    assert.equal(outputs(this.stream('Chat', start)), [])
    assert.equal(outputs(this.stream('Chat', { kind: 'cancelled' })), [['none', 'info cancelled']])
    assert.equal(outputs(this.stream('Join', start, item('a'))), [['none', 'info item a']])
    assert.equal(outputs(this.stream('Join', start, item('a'), end)), [['message', 'info item a', 'info end']])
    assert.equal(outputs(this.stream('Count', start, item(''), end)), [['message', 'info start', 'info next']])
  }

  /** Faults that the SDK finds, in what it is given or in what the author does with it: patterns of their words, without the place. */
  checkFaultsOfTheSdk(words: {
    readonly unknownEvent: RegExp
    readonly event: RegExp
    readonly state: RegExp
    readonly note: RegExp
    readonly operation: RegExp
  }): void {
    const has = (pattern: RegExp, run: () => unknown): void => {
      const { words: text = '' } = faultOf(run)
      assert.match(text, pattern)
    }
    has(words.unknownEvent, () => this.evolve([{ typeName: 'words.v1.Line', data: new Uint8Array() }]))
    has(words.event, () => this.evolve([{ typeName: 'words.v1.Said', data: cutOff }]))
    has(words.state, () => this.evolve([], { kind: 'state', bytes: cutOff }))
    has(words.note, () => this.tell(cutOff))
    has(words.operation, () => this.tell(this.message('Line', 'operate')))
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
