// Guards that all languages do the same: every case against every language's model services, through a host, by the laws on
// random input, and in the guest alone. At the end a table, language by case.
import { randomInt } from 'node:crypto'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { streamsOf } from '../../host/deploy/methods.ts'
import type { Artefact } from '../../host/guest/artefact.ts'
import { GuestFault } from '../../host/guest/guest.ts'
import { load } from '../../host/guest/load.ts'
import { checkLaws, checkViewLaws } from '../../host/laws/laws.ts'
import { defaultLimits } from '../../host/limits.ts'
import type { Host } from '../../host/main.ts'
import { loadSchema } from '../../host/schema/load.ts'
import type { Json } from '../../host/transcode/json.ts'
import { temporary, testHost } from '../support/host.ts'
import { linked } from '../support/linked.ts'
import { skip } from '../support/skip.ts'
import { Alone, nowMs } from './alone.ts'
import { hex, sized } from './bytes.ts'
import { cases, said, table } from './cases.ts'
import { conformance, written } from './languages.ts'
import { heardCases, laterCases, plain, whole } from './later.ts'
import { Conversation, packageName } from './suite.ts'
import { askedOf, describedViews, expectedOf, languagesWithViews, viewCases, viewsOf } from './views.ts'

const Conformance = suite('conformance')

/** Marks by language and case, for the table. */
const marks = new Map<string, Map<string, string>>()
const named: string[] = []

/** What sfc32 gives for the seed 00 01 ... 0f: two numbers times 2^32, a UUID, a number. */
const numbers = '1485263592 1781317280 524cd911-5883-4d68-ab33-d282aae2b8c2 2736449288'

/** Bytes of memory that an instance may have after a million commands. */
const memoryBytesMax: Readonly<Record<string, number>> = {
  typescript: 8 * 1024 * 1024,
  assemblyscript: 1024 * 1024,
  rust: 1024 * 1024,
  go: 32 * 1024 * 1024,
  swift: 1024 * 1024,
  c: 1024 * 1024,
}

/** Where the conformance guests fail, as each language names places. */
const placeOf: Readonly<Record<string, RegExp>> = {
  typescript: /src\/[\w/.-]+\.ts:\d+/,
  assemblyscript: /assembly\/[\w/.-]+\.ts:\d+/,
  rust: /src\/[\w/.-]+\.rs:\d+/,
  go: /[\w-]+\.go:\d+/,
  swift: /[\w-]+\.swift:\d+/,
  c: /[\w-]+\.c:\d+/,
}

interface Guest {
  readonly artefact: Artefact
  readonly host: Host
  readonly talk: Conversation
  readonly data: ReturnType<typeof temporary>
}

const guests = new Map<string, Promise<Guest>>()

async function start(component: Uint8Array): Promise<Guest> {
  const made = await linked(component, defaultLimits)
  if (!made.ok) throw new Error(made.reasons.join('; '))
  const data = temporary()
  const host = await testHost(data.path)
  const deployed = await host.deployer.deploy(component)
  assert.ok(deployed.ok, JSON.stringify(deployed))
  return { artefact: made.artefact, host, talk: new Conversation(host), data }
}

/** A test of one case in one language, marked in the table. */
function covers(language: string, component: Uint8Array, name: string, check: (guest: Guest) => unknown): void {
  if (!named.includes(name)) named.push(name)
  const column = marks.get(language) ?? new Map<string, string>()
  marks.set(language, column)
  Conformance(`${language}: ${name}`, async () => {
    column.set(name, 'FAILS')
    const guest = guests.get(language) ?? start(component)
    guests.set(language, guest)
    await check(await guest)
    column.set(name, 'ok')
  })
}

const only = process.env['LANGUAGES']?.split(',')
for (const language of written.filter((one) => only === undefined || only.includes(one))) {
  const component = await conformance(language)
  if ('missing' in component) {
    skip(Conformance, language, component.missing)
    marks.set(language, new Map([['', 'skipped']]))
    continue
  }
  if ('problem' in component) {
    Conformance(`${language} builds`, () => {
      throw component.problem
    })
    marks.set(language, new Map([['', 'FAILS']]))
    continue
  }
  const on = (name: string, check: (guest: Guest) => unknown): void => covers(language, component, name, check)

  for (const [index, one] of cases.entries()) on(one.name, ({ talk }) => talk.check(one, `${language}-${index}`))

  on('streams: a server stream, to its end', async ({ talk }) => {
    const count = (count: number, chunk: number, more: object = {}) =>
      talk.listen('Actions/Count', { count, chunk, ...more } as Json).ended
    assert.equal((await count(5, 2)).texts, ['1', '2', '3', '4', '5'])
    assert.equal((await count(3, 0)).texts, ['1', '2', '3'])
    const { texts, code } = await count(0, 1)
    assert.equal([texts, code], [[], 0])
  })

  on('streams: a server stream has effects', async ({ talk }) => {
    const id = `${language}-count`
    const effect = { service: 'Events', method: 'Do', script: { id, acts: [{ note: 'x' }] }, synchronous: true }
    await talk.listen('Actions/Count', { count: 4, chunk: 1, acts: [{ effect }] }).ended
    await talk.check(
      { name: '', calls: () => [{ method: 'Events/Do', request: asksState(id), expected: said('x') }] },
      id,
    )
  })

  on('streams: a client stream', async ({ talk }) => {
    const items = ['a', 'b', 'ü'].map((say) => ({ acts: [{ say }] }))
    assert.equal(await talk.stream('Actions/Join', items), { texts: ['a,b,ü'], code: 0, message: 'OK' })
    assert.equal(await talk.stream('Actions/Join', []), { texts: [''], code: 0, message: 'OK' })
    const refusing = [...items, { acts: [{ refuse: { code: 3, message: 'enough' } }] }]
    assert.equal(await talk.stream('Actions/Join', refusing), { texts: [], code: 3, message: 'enough' })
  })

  on('streams: both ways', async ({ talk }) => {
    const chat = (scripts: readonly object[]) => talk.stream('Actions/Chat', scripts as Json[])
    const say = (...words: string[]) => ({ acts: words.map((word) => ({ say: word })) })
    assert.equal(await chat([say('a', 'b'), say(), say('c')]), { texts: ['a,b', 'c', 'bye'], code: 0, message: 'OK' })
    const closing = { acts: [{ say: 'last' }, { clear: true }] }
    assert.equal(await chat([say('a'), closing, say('never')]), { texts: ['a', 'last'], code: 0, message: 'OK' })
    const refusing = { acts: [{ refuse: { code: 9, message: 'no' } }] }
    assert.equal(await chat([say('a'), refusing]), { texts: ['a'], code: 9, message: 'no' })
  })

  on('streams: a client that leaves has an effect', async ({ talk }) => {
    const chat = talk.open('Actions/Chat')
    chat.send({ acts: [{ say: 'here' }] })
    await until(() => chat.texts.length === 1)
    chat.cancel()
    const calls = () => [
      { method: 'Events/Do', request: asksState('left'), expected: said('left'), eventually: true as const },
    ]
    await talk.check({ name: '', calls }, '')
  })

  on('streams: subscribers are told of changes', async ({ talk }) => {
    const id = `${language}-open`
    const note = (word: string) => ({
      method: 'Members/Do',
      request: { id, acts: [{ note: word }] },
      expected: said(''),
    })
    const tell = (word: string) => talk.check({ name: '', calls: () => [note(word)] }, id)
    const first = talk.listen('Members/Open', { id, acts: [{ note: 'a' }, { ask: 'STATE' }] })
    await until(() => first.texts.length === 1)
    assert.equal(first.texts, ['a'])
    await tell('b')
    await until(() => first.texts.length === 2)
    const second = talk.listen('Members/Open', { id, acts: [{ say: 'hi' }] })
    await until(() => second.texts.length === 1)
    second.cancel()
    // The one who leaves adds an element.
    await until(() => first.texts.at(-1) === 'a,b,left')
    await tell('end')
    assert.equal(await first.ended, { texts: first.texts, code: 0, message: 'OK' })
    assert.is(first.texts.at(-1), 'a,b,end,left')
  })

  on('streams: a subscriber that is refused', async ({ talk }) => {
    const id = `${language}-bad`
    const stream = talk.listen('Members/Open', { id, acts: [{ say: 'hi' }] })
    await until(() => stream.texts.length === 1)
    const request = { id, acts: [{ note: 'bad' }] }
    await talk.check({ name: '', calls: () => [{ method: 'Members/Do', request, expected: said('') }] }, id)
    assert.equal(await stream.ended, { texts: ['hi'], code: 9, message: 'bad' })
  })

  on('time and chance are those of the command, the numbers the same in every language', ({ artefact }) => {
    const acts = ['NOW', 'RANDOM', 'RANDOM', 'UUID', 'RANDOM'].map((ask) => ({ ask }))
    const alone = new Alone(artefact)
    for (const _ of ['fresh', 'warm']) {
      const answer = alone.decide({ id: 'a', acts })
      assert.equal(answer, { kind: 'message', payload: said(`${nowMs} ${numbers}`).reply })
    }
  })

  on('the host is told how far to write, and operations together with a deletion', ({ artefact }) => {
    const alone = new Alone(artefact)
    const add = { change: { increment: '1' } }
    const asked = (...acts: readonly object[]) => {
      const { operations, deletes } = alone.replicas({ id: 'a', acts } as Json)
      return [Buffer.from(operations).toString('hex'), deletes]
    }
    const [operations] = asked(add)
    assert.equal(asked({ consistency: 0 }, add), [operations, false])
    assert.equal(asked({ consistency: 1 }, add), [`${operations}1001`, false])
    assert.equal(asked({ consistency: 2 }, add, { clear: true }), [`${operations}1002`, true])
    assert.equal(asked({ consistency: 2 }), ['1002', false])
  })

  for (const { name, models, acts, expected } of laterCases) {
    on(name, ({ artefact }) => {
      for (const model of new Alone(artefact).models.filter((one) => models.some((name) => name === one.name)))
        assert.equal(plain(model.outcome({ id: 'a', acts } as Json)), whole(expected), model.name)
    })
  }

  on('later: what an ask was answered, or why it failed', ({ artefact }) => {
    for (const { name, heard } of new Alone(artefact).models.filter(({ name }) => name !== 'Actions')) {
      for (const [bytes, words] of heardCases) {
        const { answer } = heard(bytes)
        assert.equal(answer, { kind: 'message', payload: said(words).reply }, `${name}: ${words}`)
      }
    }
  })

  // The column of a language without views has none of these.
  const hasViews = languagesWithViews.includes(language)
  for (const one of hasViews ? viewCases : []) {
    on(one.name, ({ artefact }) => {
      const guest = viewsOf(artefact)!
      for (const instance of ['fresh', 'warm']) assert.equal(askedOf(guest, one), expectedOf(one), instance)
    })
  }

  if (hasViews)
    on('views: they are described', ({ artefact }) => {
      const sorted = artefact.description.viewServices.map(({ sources, ...view }) => ({
        ...view,
        sources: sources.map((source) => ({ ...source, types: [...source.types].sort() })),
      }))
      assert.equal(sorted, describedViews)
    })

  if (hasViews)
    on('views: law L7 holds on random input', ({ artefact }) => {
      const schema = loadSchema(artefact.description.descriptors)
      const seed = randomInt(2 ** 31)
      for (const view of artefact.description.viewServices) {
        const { broken, commands } = checkViewLaws(view, schema, () => load(artefact, defaultLimits), seed)
        assert.equal(broken, [], `inn check --seed ${seed}`)
        assert.ok(commands > 50, `only ${commands} changes`)
      }
    })

  on('requests that are no messages are refused, and told what they are not', ({ artefact }) => {
    const alone = new Alone(artefact)
    for (const bytes of ['0a', '0a0561', '0a02c328', '00', '0b', '08ffffffffffffffffffff01', '12020a05', '1202']) {
      const answer = alone.decide(hex(bytes))
      assert.is(answer.kind, 'failure', bytes)
      if (answer.kind !== 'failure') continue
      assert.is(answer.failure.code, 3, bytes)
      assert.match(answer.failure.message, `the request is no ${packageName}.Script: `)
    }
  })

  on('the event types that evolve takes are described', ({ artefact }) => {
    const { services } = artefact.description
    const described = Object.fromEntries(services.map(({ name, events }) => [name, [...events].sort()]))
    const none = Object.fromEntries(services.map(({ name }) => [name, []]))
    const types = [`${packageName}.Cleared`, `${packageName}.Noted`]
    assert.equal(described, { ...none, [`${packageName}.Events`]: types })
  })

  on('log lines come with the outcome, of refusals too, and are gone with the next command', ({ artefact }) => {
    const alone = new Alone(artefact)
    const line = (text: string) => ({ level: 'info', text })
    const acts = [{ log: 'one' }, { log: 'zwei ü 日本' }, { log: '' }]
    const lines = [line('one'), line('zwei ü 日本'), line('')]
    for (const { service, ask } of alone.models) {
      assert.equal(ask({ id: 'a', acts }), lines, service)
      assert.equal(ask({ id: 'a', acts: [{ log: 'x' }, { refuse: { code: 9 } }] }), [line('x')], service)
      assert.equal(ask({ id: 'a', acts: [{ say: 'x' }] }), [], service)
      const many = ask({ id: 'a', acts: Array.from({ length: 150 }, (_, n) => ({ log: `n${n}` })) })
      assert.equal(
        many,
        Array.from({ length: 100 }, (_, n) => line(`n${n}`)),
        service,
      )
      const long = ask({ id: 'a', acts: [{ log: 'y'.repeat(20_000) }] })
      assert.equal(long, [line('y'.repeat(16_384))], service)
    }
  })

  on('a fault tells its words and its place, for the log', ({ artefact }) => {
    const alone = new Alone(artefact)
    for (const { service, ask } of alone.models) {
      try {
        ask({ id: 'a', element: 'armed', acts: [{ fault: 'TRAP' }] })
      } catch (fault) {
        assert.instance(fault, GuestFault)
        const { words = '' } = fault as GuestFault
        assert.match(words, /armed to fail/, service)
        assert.match(words, placeOf[language]!, service)
        continue
      }
      assert.unreachable(`${service}: no fault`)
    }
  })

  on('messages nested more than 100 deep are refused', ({ artefact }) => {
    // Script.acts.forward.script.acts...: three messages a level.
    let inner = ''
    for (let level = 0; level < 50; level++) inner = sized(2, sized(5, sized(3, inner)))
    const answer = new Alone(artefact).decide(hex(inner))
    assert.is(answer.kind, 'failure')
  })

  on('a table of 20 keys and NaN has the same bytes warm, twice, and fresh', ({ artefact }) => {
    const expected = Buffer.from(table).toString('hex')
    assert.equal(new Alone(artefact).tables(), [expected, expected, expected])
  })

  on('the laws hold on random input', ({ artefact }) => {
    const schema = loadSchema(artefact.description.descriptors)
    const seed = randomInt(2 ** 31)
    const fresh = () => load(artefact, defaultLimits, streamsOf(schema), true)
    for (const service of artefact.description.services) {
      const { broken } = checkLaws(service, schema, fresh, seed)
      assert.equal(broken, [], `inn check --seed ${seed}`)
    }
  })

  on('a million commands in bounded memory', ({ artefact }) => {
    const bytes = new Alone(artefact).memoryAfter(1_000_000)
    const bound = memoryBytesMax[language]!
    assert.ok(bytes <= bound, `${bytes} bytes, ${bound} are stated`)
  })
}

Conformance.after(async () => {
  for (const guest of guests.values()) {
    const { host, talk, data } = await guest
    talk.close()
    await host.stop()
    data.remove()
  }
  const columns = [...marks]
  const width = Math.max(...named.map((name) => name.length))
  // uvu has written dots, and no end of their line.
  console.log(`\n# | ${'case'.padEnd(width)} | ${columns.map(([language]) => language).join(' | ')}`)
  for (const name of named) {
    const row = columns.map(([language, column]) => (column.get('') ?? column.get(name) ?? '-').padEnd(language.length))
    console.log(`# | ${name.padEnd(width)} | ${row.join(' | ')}`)
  }
})

Conformance.run()

function asksState(id: string): Json {
  return { id, acts: [{ ask: 'STATE' }] }
}

async function until(check: () => boolean): Promise<void> {
  for (let tries = 0; tries < 6_000; tries++) {
    if (check()) return
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
  assert.unreachable('it did not come about')
}
