// Guards the laws as `inn check` tries them: honest guests of every kind hold them, and each way to cheat is named.

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { streamsOf } from '../../host/deploy/methods.ts'
import type { Artefact } from '../../host/guest/artefact.ts'
import { load } from '../../host/guest/load.ts'
import { checkLaws, type LawReport } from '../../host/laws/laws.ts'
import { defaultLimits } from '../../host/limits.ts'
import { link } from '../../host/link/link.ts'
import { loadSchema } from '../../host/schema/load.ts'
import type { Schema } from '../../host/schema/schema.ts'
import { buildProject } from '../../sdk/build/build.ts'
import { component } from '../support/components.ts'
import { withProject } from '../support/project.ts'
import { actions, replicas, scripted, values } from '../support/scripted.ts'

const Laws = suite('laws')

async function linked(bytes: Uint8Array): Promise<Artefact> {
  const result = await link(bytes, defaultLimits)
  if (!result.ok) throw new Error(result.reasons.join('; '))
  return result.artefact
}

function check(artefact: Artefact, seed: number, schema = loadSchema(artefact.description.descriptors)): LawReport[] {
  const fresh = () => load(artefact, defaultLimits, streamsOf(schema), true)
  return artefact.description.services
    .filter(({ name }) => schema.services.has(name))
    .map((service) => checkLaws(service, schema, fresh, seed, 25))
}

for (const guest of ['counter', 'cart', 'profile', 'presence', 'orders']) {
  Laws(`hold for ${guest}, with any seed`, async () => {
    const artefact = await linked((await component(`${guest}/typescript`)).bytes)
    for (const seed of [1, 2]) {
      const [{ broken, commands, kind }] = check(artefact, seed) as [LawReport]
      assert.equal(broken, [])
      assert.is(kind, artefact.description.services[0]!.kind)
      assert.ok(commands > 60, `only ${commands} commands`)
    }
  })
}

/** The template with a cheat in its service. */
async function tally(change: (service: string) => string): Promise<string> {
  return await withProject({ 'src/service.ts': change }, async (folder) => {
    const { file } = await buildProject(folder, { out: join(folder, 'tally.wasm') })
    return check(await linked(readFileSync(file)), 7)
      .flatMap(({ broken }) => broken)
      .join()
  })
}

Laws('trial.T1, laws.W1: event-sourced: what is kept between calls is named', async () => {
  const kept = await tally((text) =>
    text
      .replace('export default', 'let calls = 0n\nexport default')
      .replace('accept().reply(state)', 'accept().reply({ value: state.value + calls++ })'),
  )
  assert.match(
    kept,
    /^tally.v1.Tally: L4, L6: a warm and a fresh instance answer differently to .*seed 7, round \d+\)$/,
  )
})

/** The scripted guest, but that it does what the name of the service says, whatever is asked. */
const cheat = await linked(
  await scripted((source) =>
    [
      [/_service/g, 'service'],
      ['const { code, scope } = scriptOf(method, payload)', 'const [code, scope] = [service, {}]'],
      ['value: now,', 'value: now, among: commands.length,'],
      ['held: undefined', "held: service.includes('HELD') ? 7 : undefined"],
      ['(service, { payload }) =>', '(service, { payload }) => service.includes("READS") ? counted() :'],
      ['const { code, scope } = scriptOf(method, payload)', 'const [code, scope] = [service, { method }]'],
      ['entity, id })', 'entity, id, among: subscriptions.length })'],
      ['script(payload).code, { metadata', 'service, { among: commands.length, metadata'],
      ['const code = before.code ?? items[0]?.code', 'const code = service'],
    ].reduce<string>(
      replaced,
      `${source}\nconst counted = () => [Uint8Array.of((globalThis.n = (globalThis.n ?? 0) + 1) & 127)]`,
    ),
  ),
)
const honest = loadSchema(cheat.description.descriptors)

function replaced(source: string, [from, to]: (string | RegExp)[]): string {
  const made = source.replace(from!, to as string)
  if (made === source) throw new Error(`the scripted guest has no ${from}`)
  return made
}

/** What is said of a service that does so. */
function said(service: string, code: string, seed = 7): string {
  const type = honest.services.get(service)!
  const schema: Schema = { ...honest, services: new Map([[service, { ...type, fullName: code }]]) }
  const [report] = check(cheat, seed, schema)
  return report!.broken.join()
}

function named(service: string, code: string, law: RegExp): void {
  const sentence = said(service, code)
  assert.match(sentence, law)
  assert.ok(sentence.startsWith(`${service}: `), sentence)
  assert.match(sentence, /\(seed 7, round \d+\)$/)
  // The same again, for the same seed.
  assert.is(said(service, code), sentence)
}

const count = '(globalThis.n = (globalThis.n ?? 0) + 1)'

Laws('value: an honest one, and one that holds what it holds', () => {
  assert.is(said(values, "return { change: { updated: value + 'x' }, outcome: say(value) }"), '')
  assert.is(
    said(
      values,
      "if (value?.length > 9) return { outcome: refuse('aborted', 'no') }; return { change: { updated: value + 'x' }, outcome: say(value) }",
    ),
    '',
  )
  assert.is(
    said(values, "return { change: value === undefined ? { updated: 'a' } : 'deleted', outcome: say(value) }"),
    '',
  )
})

Laws('a method that hears answers and refuses one is named, and no law is broken', () => {
  const type = honest.services.get(values)!
  const warned = (answers: string | undefined): readonly string[] => {
    const methods = new Map([...type.methods].map(([name, method]) => [name, { ...method, answers }]))
    const refusing = { ...type, fullName: "return { outcome: refuse('aborted', 'no') }", methods }
    const [report] = check(cheat, 7, { ...honest, services: new Map([[values, refusing]]) })
    assert.equal(report!.broken, [])
    return report!.warnings
  }
  assert.match(
    warned('shop.v1.Payments/Charge').join(),
    /^test\.script\.v1\.Values: \w+ hears answers and can refuse one: /,
  )
  assert.equal(warned(undefined), [])
})

Laws('value: a counter beside the value, another answer in a batch, a token that is not its bytes, are named', () => {
  const warm = /L4, L6: a warm and a fresh instance answer differently to Do /
  named(values, `return { outcome: say(${count}) }`, warm)
  named(values, `return { change: { updated: String(${count}) }, outcome: say('') }`, warm)
  const batch = /L1: Do is answered differently in a batch and alone, as number 1 of Do \{.*\}, Do /
  named(values, 'return { outcome: say(among) }', batch)
  named(values, "return { change: { updated: String(among) }, outcome: say('') }", batch)
  const held = /L6: a held value is answered differently than its bytes, on Do /
  named(values, "/* HELD */ return { change: { updated: 'x' }, outcome: say(value) }", held)
})

Laws('value: what differs in a word of a later time alone is named, and so is what stands beside a failure', () => {
  const warm = /L4, L6: a warm and a fresh instance answer differently to Do /
  const changing = [
    `effects: [effect('Values', 'Do', '', '', { after: ${count} })]`,
    `effects: [effect('Values', 'Do', '', '', { name: 'n' + ${count} })]`,
    `effects: [effect('Values', 'Do', '', '', { within: ${count} })]`,
    `effects: [ask('Values', 'Do', '', '', 'n' + ${count})]`,
    `cancels: ['n' + ${count}]`,
    `resolves: [told('t', 'Do', ${count})]`,
  ]
  for (const more of changing) named(values, `return { outcome: say('', { ${more} }) }`, warm)
  named(values, `return { outcome: later('t', ${count}) }`, warm)
  const failing = (more: string) => `return { outcome: refuse('aborted', '', { ${more} }) }`
  named(values, failing("cancels: ['n']"), /L3: cancels beside a failure, on Do/)
  named(values, failing("resolves: [told('t', 'Do', 'x')]"), /L3: resolutions beside a failure, on Do/)
})

Laws('laws.W2: value: what stands beside a failure is named, and so is a fault', () => {
  named(
    values,
    "return { change: { updated: 'x' }, outcome: refuse('aborted', '') }",
    /L3: a change beside a failure, on Do/,
  )
  const effect = "effects: [effect('Values', 'Do')]"
  named(values, `return { outcome: refuse('aborted', '', { ${effect} }) }`, /L3: effects beside a failure, on Do/)
  named(values, 'throw new Error()', /a fault \(trap: .*\), on Do/)
  named(values, 'return { outcome: none() }', /a fault \(malformed: .*neither a reply nor a forward\), on Do/)
})

/** Opens a stream where the method streams, with this to remember. */
const opening = (note: string, more = '') =>
  `const open = method === 'Open'; return { answer: say(''), operations: [add(1)], subscribe: open ? ${note} : undefined ${more} }`

Laws('replicated: honest ones, with streams, views of every kind, deletions and rendered answers', () => {
  const tell =
    "{ changed: 'return { outcome: say(JSON.stringify(view)) }', cancelled: 'return { answer: none(), operations: [add(-1)] }' }"
  assert.is(said(replicas, opening(tell)), '')
  assert.is(said(replicas, opening(tell, ', delete: view.value?.counter > 3')), '')
  assert.is(said(replicas, opening('{ changed: \'return { outcome: refuse("aborted", "") }\' }')), '')
  assert.is(
    said(
      replicas,
      "return { answer: { after: 'return say(JSON.stringify(view))' }, operations: [create('orSet'), insert('a')] }",
    ),
    '',
  )
  const refusing = 'return { answer: { after: \'return refuse("aborted", "")\' }, operations: [add(1)] }'
  assert.is(said(replicas, refusing), '')
})

Laws('replicated: what is kept between calls is named, in every function', () => {
  const warm = /L4, L6: a warm and a fresh instance answer differently to /
  named(replicas, `return { answer: say(${count}) }`, warm)
  named(replicas, `return { answer: { after: 'return say(${count})' } }`, warm)
  named(replicas, `return { answer: say(''), operations: [add(${count})] }`, warm)
  named(replicas, "/* READS */ return { answer: say('') }", warm)
  named(replicas, opening(`{ changed: 'return { outcome: say(${count}) }' }`), /to a change, as told to Open /)
  const leaving = `{ cancelled: 'return { answer: none(), operations: [add(${count})] }' }`
  named(replicas, opening(leaving), /to a client that left Open /)
})

Laws('laws/replicated.R1: replicated: operations that cannot be applied, wherever they come from, are named', () => {
  named(
    replicas,
    "return { answer: say(''), operations: [insert('x')] }",
    /operations that cannot be applied \(insert: there is no value yet.*\), on /,
  )
  named(
    replicas,
    "return { answer: say(''), operations: [add(1), increment(1)] }",
    /cannot be applied \(increment: .*PNCounter/,
  )
  named(replicas, "return { answer: say(''), operations: [raw(10, 99)] }", /cannot be applied/)
  const leaving = "{ cancelled: 'return { answer: none(), operations: [enable()] }' }"
  named(replicas, opening(leaving), /cannot be applied \(.*\), on a client that left Open /)
})

Laws(
  'laws/replicated.R2: replicated: streams told differently together and alone, or opened where none is, and what stands beside a failure',
  () => {
    named(
      replicas,
      opening("{ changed: 'return { outcome: say(among) }' }"),
      /L1: streams are told differently together and alone, on Open /,
    )
    named(
      replicas,
      "return { answer: say(''), subscribe: {} }",
      /a stream is opened by a method that answers once, on /,
    )
    named(
      replicas,
      opening('{ changed: \'return { as: "other" }\' }'),
      /a fault \(malformed: a step for a stream that was not given/,
    )
    const failing = "answer: refuse('aborted', '')"
    named(replicas, `return { ${failing}, operations: [add(1)] }`, /L3: operations beside a failure/)
    named(replicas, `return { ${failing}, delete: true }`, /L3: a deletion beside a failure/)
    named(replicas, `return { ${failing}, subscribe: {} }`, /L3: a stream beside a failure/)
  },
)

/** In a stream, and in a unary call. */
const either = (stream: string, unary = "return say('')") => `if (typeof tags === 'undefined') { ${unary} }; ${stream}`

Laws('action: honest ones, also with effects beside failures, and a stream that never ends', () => {
  const failing = "return refuse('aborted', '', { effects: [effect('Values', 'Do')] })"
  assert.is(
    said(
      actions,
      either('memory.sum = (memory.sum ?? 0) + items.length; return { outputs: [say(memory.sum)] }', failing),
    ),
    '',
  )
  assert.is(said(actions, either('return { outputs: [say(1)], more: true }')), '')
  assert.is(said(actions, either('return { done: ended }')), '')
})

Laws('action: what is kept between calls or steps, or differs in a batch, is named', () => {
  const warm = /L4, L6: a warm and a fresh instance answer differently to Do /
  named(actions, either('return {}', `return say(${count})`), warm)
  named(actions, either('return {}', 'return say(among)'), /L1: Do is answered differently in a batch and alone/)
  const steps = /L4, L6: .* differently to the steps start.* of (Out|In|Both) /
  named(actions, either(`return { outputs: [say(${count})] }`), steps)
  named(actions, either(`memory.n = ${count}; return { done: ended }`), steps)
  named(actions, either('throw new Error()'), /a fault \(trap: .*\), on the steps /)
})

Laws.run()
