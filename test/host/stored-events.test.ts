// Guards deployments over stored events: what a new version cannot read is known before it serves, and what is stuck all the same
// says why and can be freed.

import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { DeployOptions, DeployResult } from '../../host/deploy/deploy.ts'
import type { Host } from '../../host/main.ts'
import { http, temporary, testHost } from '../support/host.ts'
import { partitions } from '../support/store.ts'
import { tally, version, withoutUnlucky } from '../support/tally.ts'

const StoredEvents = suite('stored events')

const whole = await version()
const shrunk = await withoutUnlucky()

async function withHost(use: (host: Host) => Promise<void>, flags: Record<string, string> = {}): Promise<void> {
  const data = temporary()
  const host = await testHost(data.path, flags)
  try {
    await use(host)
  } finally {
    await host.stop()
    data.remove()
  }
}

async function deployed(host: Host, component: Uint8Array, options: DeployOptions = {}) {
  const result = await host.deployer.deploy(component, options)
  if (!result.ok) throw new Error(result.reasons.join('\n'))
  return result
}

function reasonsOf(result: DeployResult): readonly string[] {
  return result.ok ? [] : result.reasons
}

async function add(host: Host, id: string, ...amounts: readonly number[]): Promise<void> {
  for (const amount of amounts) assert.is((await http(host.listen, 'POST', `/tally/${id}/add`, { amount })).status, 200)
}

const value = async (host: Host, id: string) => (await http(host.listen, 'GET', `/tally/${id}`)).json.value
const admin = (host: Host, method: string, path: string) =>
  http(host.admin, method, `/v1/services/${tally}${path}`, method === 'GET' ? undefined : {})

StoredEvents(
  '§deploy-6, stored.R1: a version that lacks a stored event type is refused, with type, count and example',
  async () => {
    await withHost(async (host) => {
      await deployed(host, whole)
      await deployed(host, shrunk, { dryRun: true })
      await add(host, 'b', 1, 13)
      await add(host, 'a', 13)
      // Of several partitions, the first of any.
      const first = partitions === 1 ? 'event 2 of entity "b"' : 'event 1 of entity "a"'
      const said =
        `${tally}: 2 events of type tally.v1.Unlucky are stored, which this version does not fold ` +
        `(the first: ${first}); keep its message and its evolve (--force overrides)`
      for (const dryRun of [true, false])
        assert.equal(reasonsOf(await host.deployer.deploy(shrunk, { dryRun })), [said])
      assert.is(await value(host, 'b'), '1')
      const forced = await deployed(host, shrunk, { force: true })
      assert.equal(forced.warnings, [`overridden by --force: ${said.replace(' (--force overrides)', '')}`])
      const stuck = await http(host.listen, 'GET', '/tally/b')
      assert.is(stuck.json.code, 9)
      assert.is(
        stuck.json.message,
        `${tally} entity "b" cannot be read: its event 2 is a tally.v1.Unlucky, which deployment 2 does not fold. ` +
          `Nothing is lost: deploy a version that folds it, or \`inn rollback ${tally}\` goes back to the version before`,
      )
      const [listed] = (await admin(host, 'GET', '/entities?stuck')).json.entities
      assert.is(listed.cause, 'unknown_type')
      assert.is(listed.typeName, 'tally.v1.Unlucky')
      const back = await admin(host, 'POST', '/rollback')
      assert.is(back.status, 200, back.text)
      assert.is(back.json.deployment, 3)
      assert.is(await value(host, 'b'), '1')
    })
  },
)

StoredEvents('§deploy-8, deploy.D5: going back goes through the same checks, and names what there is', async () => {
  await withHost(async (host) => {
    await deployed(host, shrunk)
    assert.match((await admin(host, 'POST', '/rollback')).json.message, /no version before deployment 1/)
    await deployed(host, whole)
    await add(host, 'a', 13)
    const refused = await admin(host, 'POST', '/rollback')
    assert.is(refused.status, 400)
    assert.match(refused.json.reasons[0], /1 event of type tally.v1.Unlucky is stored/)
    assert.match(
      (await admin(host, 'POST', '/rollback?to=7')).json.message,
      /deployment 7 had no .*; it was deployed as 1, 2/,
    )
    const same = await admin(host, 'POST', '/rollback?to=2')
    assert.is(same.json.unchanged, true)
    const unknown = await http(host.admin, 'POST', '/v1/services/no.Such/rollback', {})
    assert.is(unknown.status, 404)
    assert.is((await admin(host, 'POST', '/rollback?force&to=1')).status, 200)
  })
})

StoredEvents(
  '§deploy-6, events.E2: a version that fails on a stored event is refused with the words of the failure',
  async () => {
    const picky = await version({
      service: (text) =>
        text
          .replace(
            'Added: (state, { amount }) => (',
            "Added: (state, { amount }) => { if (amount === 8n) throw new Error('no eights here'); return (",
          )
          .replace('value: state.value + amount }),', 'value: state.value + amount }) },'),
    })
    await withHost(async (host) => {
      await deployed(host, whole)
      for (let id = 0; id < 30; id++) await add(host, `e${id}`, 1)
      await add(host, 'eight', 1, 8, 1)
      const [reason, ...others] = reasonsOf(await host.deployer.deploy(picky))
      assert.equal(others, [])
      assert.match(
        reason!,
        /^tally.v1.Tally: entity "eight" is stored, and its event 2 \(tally.v1.Added\) cannot be folded \(.*src\/service.ts:\d+.*no eights here/,
      )
      // What fails in the version in force, too, is no reason against the next one.
      await deployed(host, picky, { force: true })
      assert.match((await http(host.listen, 'GET', '/tally/eight')).json.message, /deployment 2 fails at its event 2/)
      const next = await deployed(
        host,
        await version({
          service: (text) =>
            text
              .replace('amount must be', 'the amount must be')
              .replace(
                'Added: (state, { amount }) => (',
                "Added: (state, { amount }) => { if (amount === 8n) throw new Error('still not'); return (",
              )
              .replace('value: state.value + amount }),', 'value: state.value + amount }) },'),
        }),
      )
      assert.is(next.deployment, 3)
    })
  },
)

StoredEvents(
  '§deploy-6, stored.R2, stored.R3: the answer of a deployment says how much it tried, and how many snapshots become void',
  async () => {
    await withHost(
      async (host) => {
        await deployed(host, whole)
        for (let id = 0; id < 70; id++) await add(host, `e${id}`, ...(id < 3 ? [1, 2, 3, 4, 5, 6] : [1]))
        const { tried } = await deployed(
          host,
          await version({ service: (text) => text.replace('amount must be', 'the amount must be') }),
        )
        const [one] = tried
        assert.is(one!.entities, 70)
        assert.is(one!.tried, one!.of)
        // The 20 largest, oldest and last changed; one event of the only type lies in them.
        assert.ok(one!.of >= 40 && one!.of <= 60, String(one!.of))
        assert.is(one!.voidSnapshots, 3)
        assert.is(one!.atLeast, false)
      },
      { 'snapshot-every': '5' },
    )
  },
)

StoredEvents(
  '§event-7, events.E3: a version that keeps the state version and folds another state is refused',
  async () => {
    const versioned = (factor: number) =>
      version({
        service: (text) =>
          text
            .replace('state: { value: 0n },', "state: { value: 0n }, stateVersion: '1',")
            .replace('state.value + amount', `state.value + ${factor}n * amount`),
      })
    await withHost(
      async (host) => {
        await deployed(host, await versioned(1))
        await add(host, 'a', 1, 2, 3, 4, 5, 6, 7)
        const [reason] = reasonsOf(await host.deployer.deploy(await versioned(2)))
        assert.match(
          reason!,
          /keeps the state version "1" of earlier snapshots, but folds the first 5 events of entity "a" to another state/,
        )
        const fine = await deployed(
          host,
          await version({
            service: (text) =>
              text
                .replace('state: { value: 0n },', "state: { value: 0n }, stateVersion: '1',")
                .replace('amount must be', 'the amount must be'),
          }),
        )
        assert.is(fine.tried[0]!.voidSnapshots, 0)
      },
      { 'snapshot-every': '5' },
    )
  },
)

StoredEvents(
  '§fault-6: an event that takes more fuel than a call has: the deployment is refused, and a rescue folds it with more',
  async () => {
    const burning = await version({
      service: (text) =>
        text
          .replace(
            'Added: (state, { amount }) => (',
            'Added: (state, { amount }) => { if (amount === 9n) for (let i = 0; i < 3_000_000; i++) burnt += i; return (',
          )
          .replace('value: state.value + amount }),', 'value: state.value + amount }) },')
          .replace('export default', 'let burnt = 0\n\nexport default'),
    })
    await withHost(async (host) => {
      await deployed(host, whole)
      await add(host, 'x', 1, 2, 9, 4)
      const [reason] = reasonsOf(await host.deployer.deploy(burning))
      assert.match(
        reason!,
        /entity "x" is stored, and its event 3 \(tally.v1.Added\) takes more fuel than a call has by this version/,
      )
      await deployed(host, burning, { force: true })
      const stuck = await http(host.listen, 'GET', '/tally/x')
      assert.is(stuck.json.code, 9)
      assert.match(
        stuck.json.message,
        /its event 3 \(tally.v1.Added\) takes more fuel than a call has. Nothing is lost: `inn entities tally.v1.Tally --rescue x --fuel N`/,
      )
      assert.match((await admin(host, 'GET', '/entities/x/state')).json.message, /takes more fuel than a call has/)
      assert.match((await admin(host, 'POST', '/entities/x/rescue')).json.message, /fuel: expected 1 to/)
      const little = await admin(host, 'POST', '/entities/x/rescue?fuel=5000000')
      assert.is(little.status, 400)
      assert.match(little.json.message, /needs more fuel: its event 3/)
      // More than a counter of 32 bits holds.
      const rescued = await admin(host, 'POST', '/entities/x/rescue?fuel=100000000000')
      assert.is(rescued.status, 200, rescued.text)
      assert.is(rescued.json.sequence, 4)
      assert.ok(rescued.json.reading < rescued.json.given)
      assert.equal((await admin(host, 'GET', '/entities?stuck')).json.entities, [])
      assert.is(await value(host, 'x'), '16')
      await add(host, 'x', 1)
      assert.is(await value(host, 'x'), '17')
      assert.equal((await admin(host, 'GET', '/entities/x/state')).json.state.value, { $bigint: '17' })
    })
  },
)

StoredEvents('§deploy-14: a service renamed with its persistence id takes over entities that are awake', async () => {
  const renamed = await version({
    service: (text) =>
      text
        .replaceAll('Tally', 'Counting')
        .replace('eventSourced(Counting, {', `eventSourced(Counting, {\n  persistenceId: '${tally}',`),
    proto: (text) => text.replace('service Tally', 'service Counting'),
  })
  await withHost(async (host) => {
    await deployed(host, whole)
    for (let id = 0; id < 5; id++) await add(host, `e${id}`, 3)
    assert.equal(reasonsOf(await host.deployer.deploy(renamed)), [
      `tally.v1.Counting: the persistence id ${tally} is that of ${tally}, which is served; \`inn undeploy ${tally}\` first: ` +
        'its data stays, and this service takes it over (--force overrides)',
      `tally.v1.Counting: POST /tally/{id}/add is ${tally}/Add's, GET /tally/{id} is ${tally}/Get's; \`inn undeploy ${tally}\` first (--force overrides)`,
    ])
    host.deployer.undeploy(tally)
    await deployed(host, renamed)
    for (let id = 0; id < 5; id++) {
      await add(host, `e${id}`, 4)
      assert.is(await value(host, `e${id}`), '7')
    }
  })
})

StoredEvents('§deploy-11: what JSON clients lose by a new version is a warning that names it', async () => {
  const proto = (text: string) =>
    text.replace('int64 amount = 2;', 'int64 amount = 2;\n  Mood mood = 3;\n  string note = 4;') +
    'enum Mood {\n  MOOD_UNSPECIFIED = 0;\n  GOOD = 1;\n  BAD = 2;\n}\n'
  const changed = (text: string) =>
    proto(text)
      .replace(
        'message AddRequest {\n  string id = 1 [(innkeeper.entity_key) = true];\n  int64 amount = 2;',
        'message AddRequest {\n  string id = 1 [(innkeeper.entity_key) = true];\n  int64 sum = 2;',
      )
      .replace('  string note = 4;', '  reserved 4;')
      .replace('GOOD = 1', 'FINE = 1')
      .replace('message Value {\n  int64 value = 1;', 'message Value {\n  int64 total = 1;')
      .replace('post: "/tally/{id}/add"', 'post: "/tally/{id}/plus"')
  await withHost(async (host) => {
    await deployed(host, await version({ proto }))
    const service = (text: string) =>
      text
        .replace('add: (_, { amount }) =>', 'add: (_, { sum: amount }) =>')
        .replace('.reply((after) => ({ value: after.value }))', '.reply((after) => ({ total: after.value }))')
        .replace('get: (state) => accept().reply(state)', 'get: (state) => accept().reply({ total: state.value })')
    const { warnings } = await deployed(host, await version({ proto: changed, service }), { dryRun: true })
    const one = (part: RegExp) =>
      assert.is(warnings.filter((warning) => part.test(warning)).length, 1, `${part} in\n${warnings.join('\n')}`)
    one(
      /AddRequest: the field amount is now sum: clients that send that name in JSON to tally.v1.Tally\/Add are refused/,
    )
    one(/AddRequest: the field note is gone: .* to tally.v1.Tally\/Add/)
    one(/Mood: the value GOOD is now FINE/)
    // One sentence for all methods whose answers have it.
    one(
      /Value: the field value is now total: clients that read that name in JSON from tally.v1.Tally\/Add and tally.v1.Tally\/Get no longer find it/,
    )
    one(/tally.v1.Tally\/Add: POST \/tally\/\{id\}\/add is gone: clients get 404/)
    assert.is(warnings.length, 5)
    const dry = await http(host.admin, 'GET', `/v1/services/${tally}`)
    assert.match(dry.text, '/tally/{id}/add')
  })
})

StoredEvents('§deploy-15: a dry run tells the routes of the file, not of what runs', async () => {
  await withHost(async (host) => {
    await deployed(host, whole)
    const more = await version({ proto: (text) => text.replace('get: "/tally/{id}"', 'get: "/tallies/{id}"') })
    const result = await deployed(host, more, { dryRun: true })
    assert.equal(result.methods, [
      { service: tally, method: 'Add', routes: ['POST /tally/{id}/add'] },
      { service: tally, method: 'Get', routes: ['GET /tallies/{id}'] },
    ])
    assert.match(result.warnings.join(), /Tally\/Get: GET \/tally\/\{id\} is gone/)
  })
})

StoredEvents.run()
