// Guards value entities: batches, held values, what a refusal leaves, and that QuickJS answers as Node does.
import { fileURLToPath } from 'node:url'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { MessageType, Method, ServiceType } from '../../sdk/typescript/codec/message.ts'
import type { ValueExports } from '../../sdk/typescript/guest/value.ts'
import type { WireCommand, WireValueBasis } from '../../sdk/typescript/guest/wire.ts'
import { accept, call, json, refuse, remove, update, value } from '../../sdk/typescript/index.ts'
import { testKit } from '../../sdk/typescript/testing.ts'
import { component } from '../support/components.ts'
import { generated } from '../support/generated.ts'
import { transpiled } from '../support/transpiled.ts'

type Profile = { readonly user: string; readonly name: string; readonly email: string }
type Id = { readonly user: string }
type Methods = {
  readonly put: Method<Profile, Profile>
  readonly fetch: Method<Id, Profile>
  readonly delete: Method<Id, object>
}
const folder = fileURLToPath(new URL('../../guests/profile/typescript', import.meta.url))
const { Profiles, Profile } = await generated<{
  Profiles: ServiceType<Methods>
  Profile: MessageType<Profile>
}>(folder, 'profile.ts')
const service = 'examples.profile.v1.Profiles'

const definition = value(Profiles, {
  value: Profile,
  persistenceId: 'profiles',
  headers: ['X-Tenant'],
  decide: {
    put: (current, profile) =>
      profile.name === ''
        ? refuse('ABORTED', 'no name')
        : update({ ...profile, email: current?.name ?? '' }).reply((after) => after),
    fetch: (current) => (current === undefined ? refuse('NOT_FOUND', 'none') : accept().reply(current)),
    delete: () => remove().reply((after: Profile | undefined) => ({ after })),
  },
})

function put(name: string): WireCommand {
  return command('Put', Profile.encode({ user: 'u', name, email: '' }))
}

function command(
  method: string,
  payload: Uint8Array = Profile.encode({ user: 'u', name: '', email: '' }),
): WireCommand {
  return { method, payload, metadata: [], nowMs: 1, seed: [1, 2, 3, 4] }
}

const absent: WireValueBasis = { tag: 'absent' }
const Value = suite('value')

function decided(exports: ValueExports, basis: WireValueBasis, ...commands: WireCommand[]) {
  const answer = exports.decide(service, 'u', basis, commands)
  if (answer.tag === 'unknown') throw new Error('unknown')
  return answer.val
}

Value('value.D1: a batch decides each command on the value that the one before left', () => {
  const { decisions } = decided(
    definition.exports([definition]),
    absent,
    put('a'),
    put('b'),
    command('Delete'),
    put('c'),
  )
  const values = decisions.map(({ change }) =>
    change.tag === 'updated' ? Profile.decode(change.val).email : change.tag,
  )
  assert.equal(values, ['', 'a', 'deleted', ''])
})

Value('value.D2: a refusal, an unknown method and a malformed request leave the value', () => {
  const exports = definition.exports([definition])
  const { decisions, held } = decided(
    exports,
    absent,
    put('a'),
    put(''),
    command('Shout'),
    command('Put', Uint8Array.of(27)),
  )
  const codes = decisions.map(({ outcome }) => (outcome.answer.tag === 'err' ? outcome.answer.val.code : 'ok'))
  assert.equal(codes, ['ok', 'aborted', 'unimplemented', 'invalid-argument'])
  assert.equal(
    decisions.slice(1).map(({ change }) => change.tag),
    ['unchanged', 'unchanged', 'unchanged'],
  )
  const { decisions: after } = decided(exports, { tag: 'held', val: held! }, command('Fetch'))
  assert.is(after[0]!.outcome.answer.tag, 'ok')
})

Value('value.D3: a token is good for its entity, until a call changes the value', () => {
  const exports = definition.exports([definition])
  const held = decided(exports, absent, put('a')).held!
  assert.is(exports.decide(service, 'other', { tag: 'held', val: held }, []).tag, 'unknown')
  assert.is(decided(exports, { tag: 'held', val: held }, command('Fetch')).held, held)
  const next = decided(exports, { tag: 'held', val: held }, put('b')).held!
  assert.is.not(next, held)
  assert.is(exports.decide(service, 'u', { tag: 'held', val: held }, []).tag, 'unknown')
  assert.is(decided(exports, { tag: 'held', val: next }, command('Delete')).held, undefined)
  assert.is(exports.decide(service, 'u', { tag: 'held', val: next }, []).tag, 'unknown')
})

Value('value.D4: a value that cannot be kept is a fault', () => {
  const bad = { ...definition, decide: { ...definition.decide, put: () => update({ user: 1 }).reply({}) } }
  assert.throws(() => decided(bad.exports([bad]), absent, put('a')), /field of type string/)
})

Value('refusing with effects is a fault: an entity would lose them', () => {
  const target = call(Profiles, 'fetch', { user: 'u' })
  const bad = { ...definition, decide: { ...definition.decide, put: () => refuse('ABORTED', 'no').effect(target) } }
  assert.throws(() => decided(bad.exports([bad]), absent, put('a')), /refuses with effects/)
})

Value('a plain value is kept as JSON', () => {
  const { given } = testKit(
    value(Profiles, {
      value: json<{ names: Set<string>; count: bigint }>(),
      decide: {
        put: (current, profile) =>
          update({
            names: new Set([...(current?.names ?? []), profile.name]),
            count: (current?.count ?? 0n) + 1n,
          }).reply((after) => ({ ...profile, email: `${after.count}` })),
        fetch: (_, { user }) => accept().reply({ user, name: '', email: '' }),
        delete: () => remove().reply({}),
      },
    }),
  )
  const profile = { user: 'u', name: 'a', email: '' }
  const after = given({ names: new Set(['b']), count: 1n })
    .when('put', profile)
    .then(update({ names: new Set(['b', 'a']), count: 2n }), { ...profile, email: '2' })
  assert.equal(after.value, { names: new Set(['b', 'a']), count: 2n })
})

Value('the kit tells a value that is changed in place, and what came instead', () => {
  const changing = {
    ...definition,
    decide: {
      ...definition.decide,
      fetch: (current: unknown) => {
        const profile = current as { name: string }
        profile.name = 'changed'
        return accept().reply(profile)
      },
    },
  }
  const ann = { user: 'u', name: 'ann', email: '' }
  const { given } = testKit(changing)
  assert.throws(() => given(ann).when('fetch', { user: 'u' }), /read only property 'name'/)
  const put = given().when('put', ann)
  assert.throws(() => put.then(update({ ...ann, name: 'bob' }), ann), /- .*name: "bob"[\s\S]*\+ .*name: "ann"/)
  assert.throws(() => put.then(remove(), ann), /decided otherwise/)
})

Value('QuickJS answers as Node does', async () => {
  const { bytes } = await component('profile/typescript')
  const exports = await transpiled<{ value: ValueExports }>(bytes, 'profile')
  const { decisions, held } = decided(exports.value, absent, put('ann'), command('Fetch'))
  assert.is(decisions[0]!.change.tag, 'updated')
  const { answer } = decisions[1]!.outcome
  const reply = answer.tag === 'ok' && answer.val.tag === 'message' ? answer.val.val : new Uint8Array(0)
  assert.equal({ ...Profile.decode(reply) }, { user: 'u', name: 'ann', email: '' })
  const gone = decided(exports.value, { tag: 'held', val: held! }, command('Delete'), command('Fetch'))
  assert.is(gone.decisions[1]!.outcome.answer.tag, 'err')
  assert.is(exports.value.decide(service, 'u', { tag: 'held', val: held! }, []).tag, 'unknown')
})

Value.run()
