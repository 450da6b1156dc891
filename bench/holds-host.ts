// The host of `holds`, in a thread of its own with a meter in it. What the bench tells it: begin, end, stop.

import { parentPort, workerData } from 'node:worker_threads'
import pino from 'pino'
import { loadConfig } from '../host/config.ts'
import { startHost } from '../host/main.ts'
import { Meter } from './meter.ts'

export interface HoldsHost {
  readonly data: string
  readonly flags: Readonly<Record<string, string>>
}

const { data, flags } = workerData as HoldsHost
const meter = new Meter()
meter.begin()
const settings = { data, listen: '127.0.0.1:0', admin: '127.0.0.1:0', 'stop-wait-ms': '1000', ...flags }
const { config } = loadConfig({ flags: settings, env: {}, directory: data })
const host = await startHost(config, { log: pino({ level: 'silent' }) })
parentPort!.on('message', async (word: 'begin' | 'end' | 'stop') => {
  if (word === 'begin') meter.begin()
  const answer = word === 'end' ? meter.end() : undefined
  if (word === 'stop') await host.stop()
  parentPort!.postMessage({ word, answer })
  if (word === 'stop') parentPort!.close()
})
parentPort!.postMessage({ word: 'started', answer: { listen: host.listen, admin: host.admin } })
