// Guards what operators look at: metrics of every kind of service, and that the dashboard asks only for what there is.

import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { Counter, Histogram, type Metric, Registry } from 'prom-client'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { Host } from '../host/main.ts'
import { Counters, Histograms } from '../host/observe/tally.ts'
import { component } from './support/components.ts'
import { http, temporary, testHost } from './support/host.ts'
import { actions, replicas, ScriptClient, scripted, values } from './support/scripted.ts'

const data = temporary()
const host: Host = await testHost(data.path, { 'passivate-after-ms': '10' })
assert.ok((await host.deployer.deploy(await scripted())).ok)
assert.ok((await host.deployer.deploy((await component('counter/typescript')).bytes)).ok)
const client = new ScriptClient(host.listen)
const metrics = async () => (await http(host.admin, 'GET', '/metrics')).text
/** Its value; 0 where it was not counted yet. */
function metricOf(text: string, name: string, service: string): number {
  return Number(new RegExp(`^innkeeper_${name}\\{service="${service}"\\} (.*)$`, 'm').exec(text)?.[1] ?? 0)
}

const Observe = suite('metrics')

Observe('§metric-1: commands, changes, effects, faults and streams of every kind are counted, by service', async () => {
  const counter = 'examples.counter.v1.Counter'
  await http(host.listen, 'POST', '/counter/a/add', { amount: 1 })
  await client.call(values, 'Do', 'v', "return { change: { updated: 'four' }, outcome: say('') }")
  const effect = "effect('Values', 'Do', 'v', 'return { outcome: say(1) }', true)"
  await client.call(
    actions,
    'Do',
    '',
    `return say('', { effects: [${effect}, effect('no.such.Service', 'Do', '', '')] })`,
  )
  await client.call(actions, 'Do', '', 'throw new Error()')
  await client.call(actions, 'Do', '', "return refuse('aborted', '')")
  const open = "return { operations: [increment(1)], answer: say(''), subscribe: {} }"
  const stream = client.listen(replicas, 'Open', 'r', open)
  await stream.until(1)
  const text = await metrics()
  const of = (service: string, ...names: string[]) => names.map((name) => metricOf(text, name, service))
  assert.equal(of(counter, 'commands_completed_total', 'events_persisted_total', 'commits_total'), [1, 1, 1])
  // Its second commit takes the effect that it got out of the outbox.
  assert.equal(of(values, 'changes_persisted_total', 'changes_persisted_bytes_total', 'commits_total'), [1, 4, 2])
  assert.equal(of(actions, 'commands_completed_total', 'commands_failed_total', 'guest_faults_total'), [3, 2, 1])
  assert.equal(of(actions, 'effects_delivered_total', 'effects_parked_total'), [1, 1])
  assert.equal(of(replicas, 'changes_persisted_total', 'streams_open', 'stream_elements_total'), [1, 1, 1])
  assert.match(text, /^innkeeper_subscriptions_open 1$/m)
  assert.match(text, /^innkeeper_unknown_targets_total 1$/m)
  for (const service of [counter, values, replicas]) {
    // More than once where this machine is slow: between two commands the entity had left.
    const [activated, recovered] = of(service, 'entities_activated_total', 'entity_recovery_seconds_count')
    assert.ok(activated! >= 1, service)
    assert.is(activated, recovered, service)
    assert.ok(of(service, 'command_queue_seconds_count')[0]! >= 1)
  }
  for (const service of [counter, values, replicas, actions]) assert.ok(of(service, 'function_seconds_count')[0]! >= 1)
  stream.cancel()
  let later = await metrics()
  for (let tries = 0; tries < 6_000 && !/^innkeeper_activations 0$/m.test(later); tries += 1) {
    await new Promise((resolve) => setTimeout(resolve, 50))
    later = await metrics()
  }
  assert.match(later, /^innkeeper_activations 0$/m)
  // A text is read a metric a turn of the loop: what left meanwhile is in some of it.
  later = await metrics()
  assert.match(later, /^innkeeper_subscriptions_open 0$/m)
  assert.match(later, /^innkeeper_waiting_commands 0$/m)
  for (const service of [counter, values, replicas])
    assert.equal(
      metricOf(later, 'entity_active_seconds_count', service),
      metricOf(later, 'entities_passivated_total', service),
    )
  assert.ok(metricOf(later, 'entities_passivated_total', counter) >= 1)
})

Observe(
  '§metric-2: docs/grafana.json asks only for metrics that there are, and shows every one that a service has',
  async () => {
    const dashboard = JSON.parse(readFileSync(new URL('../docs/grafana.json', import.meta.url), 'utf8'))
    const ids = dashboard.panels.map(({ id }: { id: number }) => id)
    assert.is(new Set(ids).size, ids.length)
    const asked = new Set<string>()
    for (const { targets = [] } of dashboard.panels)
      for (const { expr } of targets) for (const [name] of expr.matchAll(/innkeeper_\w+/g)) asked.add(name)
    const text = await metrics()
    const families = [...text.matchAll(/^# TYPE (innkeeper_\w+) /gm)].map(([, name]) => name!)
    const there = new Set(families.flatMap((name) => [name, `${name}_bucket`, `${name}_sum`, `${name}_count`]))
    assert.equal(
      [...asked].filter((name) => !there.has(name)),
      [],
    )
    const shown = (family: string) => [...asked].some((name) => name.startsWith(family))
    const left = [
      'innkeeper_commands_received_total',
      'innkeeper_commits_total',
      'innkeeper_snapshots_persisted_total',
      'innkeeper_unknown_targets_total',
    ]
    const other = [
      'innkeeper_events_loaded_bytes_total',
      'innkeeper_snapshots_loaded_bytes_total',
      'innkeeper_entity_active_seconds',
    ]
    assert.equal(
      families.filter((family) => !shown(family) && ![...left, ...other].includes(family)),
      [],
    )
  },
)

Observe('tally.T2: a tally tells what prom-client would of the same numbers', async () => {
  const bounds = [0.5, 1, 10]
  const number = fc.oneof(fc.double({ min: 0, max: 20, noNaN: true }), fc.constantFrom(...bounds))
  const property = fc.asyncProperty(fc.array(fc.tuple(fc.constantFrom('a', 'b.C'), number)), async (observed) => {
    const [ours, theirs] = [new Registry(), new Registry()]
    const into = (metric: Metric) => ours.registerMetric(metric)
    const labels = { labelNames: ['service'], registers: [theirs] }
    const [counter, histogram] = [new Counters(into, 'c', 'counts'), new Histograms(into, 'h', 'spreads', bounds)]
    const prom = {
      counter: new Counter({ name: 'c', help: 'counts', ...labels }),
      histogram: new Histogram({ name: 'h', help: 'spreads', buckets: bounds, ...labels }),
    }
    for (const [service, value] of observed) {
      counter.of(service).value += 1
      prom.counter.labels({ service }).inc()
      histogram.of(service).observe(value)
      prom.histogram.labels({ service }).observe(value)
    }
    assert.is(await ours.metrics(), await theirs.metrics())
  })
  await fc.assert(property, { numRuns: 50 })
})

Observe.after(async () => {
  client.close()
  await host.stop()
  data.remove()
})

Observe.run()
