// Guards the words of a later time, the same in every language that test/fixtures/guests/words has: effects that are due later, names, asks, cancels, tickets,
// and the reason of an ask that failed. What a component brings is read as the host reads it.
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { type GuestCommand, GuestFault } from '../../host/guest/guest.ts'
import { load } from '../../host/guest/load.ts'
import { defaultLimits } from '../../host/limits.ts'
import type { Call, Effect, Outcome } from '../../host/outcome.ts'
import { loadSchema } from '../../host/schema/load.ts'
import type { Schema } from '../../host/schema/schema.ts'
import type { Json } from '../../host/transcode/json.ts'
import { toJson } from '../../host/transcode/to-json.ts'
import { toMessage } from '../../host/transcode/to-message.ts'
import { languageNames, languages } from '../../sdk/build/languages/languages.ts'
import { readProject } from '../../sdk/build/read-project.ts'
import { MissingTool, runTool } from '../../sdk/build/toolchain.ts'
import { built, type Component } from '../support/components.ts'
import { linked } from '../support/linked.ts'
import { skip } from '../support/skip.ts'

const Words = suite('words')
const root = fileURLToPath(new URL('../../', import.meta.url))
const minute = 60_000

/** The services of one component. */
class Services {
  private readonly guest: ReturnType<typeof load>
  private readonly schema: Schema

  constructor(artefact: Parameters<typeof load>[0]) {
    this.guest = load(artefact, defaultLimits)
    this.schema = loadSchema(artefact.description.descriptors)
  }

  shop(method: string, request: Json): Outcome {
    const commands = [this.command('Shop', method, request)]
    const decided = this.guest.eventSourced!.decide('test.words.v1.Shop', 'a', { kind: 'initial' }, commands, false)
    if (decided.kind !== 'decided') throw new Error('nothing was held')
    return decided.decisions[0]!.outcome
  }

  till(method: string, request: Json): Outcome {
    const commands = [this.command('Till', method, request)]
    const decided = this.guest.value!.decide('test.words.v1.Till', 'a', { kind: 'absent' }, commands)
    if (decided.kind !== 'decided') throw new Error('nothing was held')
    return decided.decisions[0]!.outcome
  }

  room(method: string, request: Json): Outcome {
    const room = this.guest.replicated!
    const command = this.command('Room', method, request)
    const { answer } = room.decide('test.words.v1.Room', 'a', new Uint8Array(), command)
    if (answer.kind === 'now') return answer.outcome
    return room.render('test.words.v1.Room', 'a', new Uint8Array(), command, answer.note)
  }

  roomChanged(): readonly Effect[] {
    const note = this.command('Room', 'Watch', {}).payload
    const subscription = { id: 's', method: 'Watch', note }
    const steps = this.guest.replicated!.changed('test.words.v1.Room', 'a', new Uint8Array(), [subscription], 0)
    return steps[0]!.outcome!.effects
  }

  job(request: Json): Outcome {
    return this.guest.action!.call('test.words.v1.Job', [this.command('Job', 'Run', request)])[0]!
  }

  /** A message for people. */
  shown(type: string, bytes: Uint8Array): Json {
    return JSON.parse(toJson(this.schema, this.schema.messages.get(`test.words.v1.${type}`)!, bytes))
  }

  private command(service: string, method: string, request: Json): GuestCommand {
    const type = this.schema.services.get(`test.words.v1.${service}`)!.methods.get(method)!.input
    const payload = toMessage(this.schema, type, request)
    return { method, payload, metadata: [], nowMs: 1_700_000_000_000, seed: new Uint8Array(16) }
  }
}

const charge = { service: 'test.words.v1.Till', method: 'Charge' }

/** What is said of an effect, but for its call. */
function saidOf({ call, ...rest }: Effect): object {
  assert.equal(targetOf(call), charge)
  return rest
}

function targetOf({ service, method }: Call): object {
  return { service, method }
}

function failure(domain: string, reason: string): Json {
  const field = (number: number, text: string) => [(number << 3) | 2, text.length, ...Buffer.from(text)]
  const value = Buffer.from([...field(1, reason), ...field(2, domain)]).toString('base64')
  const info = { '@type': 'type.googleapis.com/google.rpc.ErrorInfo', value }
  return { failure: { code: 9, message: 'no', details: [info] } }
}

async function componentOf(language: string): Promise<Component | MissingTool> {
  try {
    return await built(`test/fixtures/guests/words/${language}`, `words-${language}`)
  } catch (error) {
    if (error instanceof MissingTool) return error
    throw error
  }
}

for (const language of languageNames) {
  if (!existsSync(new URL(`../fixtures/guests/words/${language}`, import.meta.url))) continue
  const component = await componentOf(language)
  if (component instanceof MissingTool) {
    skip(Words, language, component.message)
    continue
  }
  const made = await linked(component.bytes, defaultLimits)
  if (!made.ok) throw new Error(`${language}: ${made.reasons.join('; ')}`)
  const services = new Services(made.artefact)
  const on = (name: string, check: () => void): void => Words(`${language}: ${name}`, check)
  const buy = (word: string): Outcome => services.shop('Buy', { id: 'a', word })
  const effectsOf = (word: string): readonly object[] => buy(word).effects.map(saidOf)
  const note = (order: string): Buffer => Buffer.from([10, order.length, ...Buffer.from(order)])

  Words(`${language}: the tests of its own kit pass`, async () => {
    const project = readProject(join(root, 'test/fixtures/guests/words', language))
    const { tests } = languages[language]
    if ('all' in tests) {
      const tested = await tests.all(project)
      assert.ok(tested.length >= 5)
      assert.equal(
        tested.filter(({ failure }) => failure !== undefined),
        [],
      )
      return
    }
    const { tool, args, folders } = await tests.command(project)
    if (tool instanceof MissingTool) throw tool
    const environment = { GOTOOLCHAIN: 'local', GOWORK: 'off' }
    const sdk = [join(root, 'sdk', language), ...(folders ?? [])]
    const ran = await runTool(tool, args, { cwd: project.directory, folders: sdk, environment })
    assert.ok(ran.ok && tests.ran(ran.stdout), `${ran.stdout}${ran.stderr}`)
  })

  on('an effect is due after a time, has a name, and milliseconds that are rounded up', () => {
    const due = { kind: 'after', ms: 15 * minute }
    assert.equal(effectsOf('after'), [{ synchronous: false, due, name: 'reminder', withinMs: 2 }])
  })

  on('an effect is due at a time', () => {
    assert.equal(effectsOf('at'), [{ synchronous: false, due: { kind: 'at', ms: 7000 } }])
  })

  on('an ask names the method that hears, and a note', () => {
    const [effect] = buy('ask').effects
    assert.equal(effect!.answer!.method, 'Charged')
    assert.equal(Buffer.from(effect!.answer!.note), note('o'))
    assert.is(effect!.due, undefined)
  })

  on('an ask without a note is due later, has a name and a limit', () => {
    const [effect] = buy('ask later').effects
    const { answer, ...rest } = saidOf(effect!) as Effect
    assert.equal([answer!.method, answer!.note.length], ['Charged', 0])
    const due = { kind: 'after', ms: minute }
    assert.equal(rest, { synchronous: false, due, name: 'charge', withinMs: 2 * minute })
  })

  on('names are cancelled, beside an effect that is waited for', () => {
    const { cancels, effects } = buy('cancel')
    assert.equal([cancels, effects.map(saidOf)], [['a', 'b'], [{ synchronous: true }]])
  })

  on('a reply comes later, with a limit in whole seconds or without one', () => {
    assert.equal(buy('later').answer, { kind: 'later', deferred: { ticket: 't', withinS: 2 } })
    assert.equal(buy('open').answer, { kind: 'later', deferred: { ticket: 't', withinS: undefined } })
  })

  on('tickets are resolved by a reply and by a refusal', () => {
    const [bought, over] = services.shop('Settle', { id: 'a' }).resolves!
    assert.equal([bought!.ticket, bought!.method, bought!.answer.kind], ['t', 'Buy', 'message'])
    if (bought!.answer.kind === 'message')
      assert.equal(services.shown('Told', bought!.answer.payload), { text: 'bought' })
    assert.equal([over!.ticket, over!.method, over!.answer.kind], ['u', 'Settle', 'failure'])
    if (over!.answer.kind !== 'failure') return
    const { message, details } = over!.answer.failure
    assert.equal([message, details.map(({ typeName }) => typeName)], ['it is over', ['test.words.v1.Note']])
  })

  on('a ticket of another service is a fault', () => {
    assert.throws(
      () => buy('foreign'),
      (error: unknown) => error instanceof GuestFault && /test\.words\.v1\.Room/.test(error.words ?? ''),
    )
    assert.is(buy('at').answer.kind, 'message')
  })

  on('a refusal brings none of it', () => {
    const { answer, effects, cancels, resolves } = buy('no such word')
    assert.equal([answer.kind, effects, cancels, resolves], ['failure', [], undefined, undefined])
  })

  on('what is heard says why an ask failed', () => {
    const heard = (request: object): Json => {
      const { answer } = services.shop('Charged', request as Json)
      return answer.kind === 'message' ? services.shown('Told', answer.payload) : answer.kind
    }
    assert.equal(heard({ reply: { number: '7' }, note: { order: 'x' } }), { text: '7 of x' })
    assert.equal(heard(failure('innkeeper', 'REFUSED') as object), { text: 'refused of -' })
    assert.equal(heard(failure('innkeeper', 'NOT_SENT') as object), { text: 'not sent of -' })
    assert.equal(heard(failure('innkeeper', 'UNKNOWN') as object), { text: 'unknown of -' })
    assert.equal(heard(failure('elsewhere', 'REFUSED') as object), { text: 'unknown of -' })
    assert.equal(heard({ failure: { code: 2 } }), { text: 'unknown of -' })
  })

  on('values say them where they are updated and removed', () => {
    const [effect] = services.till('Charge', { id: 'a', word: 'x' }).effects
    assert.equal([effect!.answer!.method, effect!.answer!.note.length], ['Heard', 0])
    const { cancels, resolves } = services.till('Heard', { reply: { number: '1' } })
    assert.equal([cancels, resolves!.map(({ ticket, method }) => [ticket, method])], [['a'], [['t', 'Heard']]])
  })

  on('replicated entities say them, and their streams have effects that are due later', () => {
    const later = services.room('Enter', { id: 'a', word: 'later' })
    assert.equal(
      [later.answer.kind, later.cancels, later.effects.map(saidOf)],
      ['later', ['a'], [{ synchronous: false, name: 'b' }]],
    )
    const entered = services.room('Enter', { id: 'a', word: '' })
    assert.equal(
      entered.resolves!.map(({ ticket, method }) => [ticket, method]),
      [['t', 'Enter']],
    )
    const due = { kind: 'after', ms: minute }
    assert.equal(services.room('Watch', { id: 'a' }).effects.map(saidOf), [{ synchronous: false, due }])
    assert.equal(services.roomChanged().map(saidOf), [{ synchronous: false, due }])
  })

  on('actions say when, and how long; a refusal of theirs, too', () => {
    const due = { kind: 'after', ms: minute }
    assert.equal(services.job({ id: 'a', word: '' }).effects.map(saidOf), [
      { synchronous: false, due },
      { synchronous: false, due: { kind: 'at', ms: 7000 }, withinMs: minute },
    ])
    const refused = services.job({ id: 'a', word: 'refuse' })
    assert.equal([refused.answer.kind, refused.effects.map(saidOf)], ['failure', [{ synchronous: false, due }]])
  })
}

Words.run()
