// Guards that the text of all metrics, which grows with the services, is made a metric a turn of the loop.

import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { Metrics } from '../host/observe/metrics.ts'
import { countedInTurns } from './support/turns.ts'

const All = suite('metrics of many services')

All('their text is the registry’s, made one metric a turn', async () => {
  const metrics = new Metrics()
  metrics.gauge('things', 'Things.', () => 3)
  for (let at = 0; at < 100; at++) metrics.of(`s${at}`).completed(0.1, true)
  const registry = await metrics.registry()
  const whole = await registry.metrics()
  const made = countedInTurns(registry, 'getSingleMetricAsString', () => 1)
  assert.ok((await metrics.text()) === whole)
  assert.equal([made.most, made.all], [1, registry.getMetricsAsArray().length])
})

All.run()
