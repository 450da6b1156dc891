// Guards `inn up FILE…` as a user types it: ready when all files serve, and not before; refused as a whole, with every reason.

import { copyFileSync, existsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { grpc, grpcWeb } from '../support/calls.ts'
import { component } from '../support/components.ts'
import { http, temporary } from '../support/host.ts'
import type { RunningInn } from '../support/inn.ts'
import { freeAddress, runInn, startInn } from '../support/inn.ts'

const work = temporary()
const file = (name: string) => join(work.path, name)
const counter = await component('counter/assemblyscript')
const profile = await component('profile/typescript')
copyFileSync(counter.file, file('counter.wasm'))
copyFileSync(profile.file, file('profile.wasm'))
writeFileSync(file('core.wasm'), Buffer.from([0, 0x61, 0x73, 0x6d, 1, 0, 0, 0]))
writeFileSync(file('text.wasm'), 'not a component')
const ports = ['--listen', '127.0.0.1:0', '--admin', '127.0.0.1:0']
const running: RunningInn[] = []

function up(args: readonly string[]): RunningInn {
  const inn = startInn(work.path, ['up', ...args])
  running.push(inn)
  return inn
}

const Up = suite('inn up FILE…')

Up('is not ready before all files serve: calls meanwhile are UNAVAILABLE, and none is unknown', async () => {
  const [listen, admin] = [await freeAddress(), await freeAddress()]
  const host = up(['--data', 'ready', '--listen', listen, '--admin', admin, 'counter.wasm', 'profile.wasm'])
  const request = Buffer.from([10, 2, 109, 101])
  let early = 0
  for (let ready = false; !ready; ) {
    const before = await http(admin, 'GET', '/readyz').catch(() => undefined)
    // The admin port is there first.
    const bound = await http(listen, 'GET', '/').catch(() => undefined)
    if (before === undefined || bound === undefined) continue
    ready = before.status === 200
    const answers = [
      (await http(listen, 'GET', '/counter/me')).status,
      (await http(listen, 'GET', '/profile/me')).status,
      (await grpc(listen, '/examples.counter.v1.Counter/Get', request)).code,
      (await grpcWeb(listen, '/examples.profile.v1.Profiles/Fetch', request)).code,
      (await http(listen, 'GET', '/no/such/path')).status,
    ]
    const whole = [200, 404, 0, 5, 404]
    if (ready) assert.equal(answers, whole)
    // It may become ready between two of them.
    for (const [at, answer] of answers.entries())
      assert.ok([[503, 503, 14, 14, 503][at], whole[at]].includes(answer), `call ${at} was answered ${answer}`)
    if (answers[0] === 503) early += 1
  }
  assert.ok(early > 0, 'it was ready at once: this test shows nothing')
  await host.until(() => /Innkeeper serves on/.test(host.out()))
  assert.match(host.out(), /counter\.v1\.Counter\/Add +POST +\/counter/)
  assert.match(host.out(), /profile\.v1\.Profiles\/Fetch +GET +\/profile\/\{user\}/)
  assert.is(await host.end('SIGTERM'), 0)
})

Up('prints every reason against every file, each with its name, and does not stay', async () => {
  const ran = await runInn(work.path, ['up', '--data', 'bad', ...ports, 'core.wasm', 'counter.wasm', 'text.wasm'])
  assert.is(ran.code, 1)
  assert.is(ran.out, '')
  const refused = ran.err.split('\n').filter((line) => line.startsWith('refused: '))
  assert.equal(refused, [
    'refused: core.wasm: the file is a core module, not a component; wrap it with its interfaces (`inn build` does)',
    'refused: text.wasm: the file is not a WebAssembly component',
  ])
})

Up('names every file that is not there, and changes nothing', async () => {
  const ran = await runInn(work.path, ['up', '--data', 'none', ...ports, 'counter.wasm', 'none.wasm', 'nor.wasm'])
  assert.is(ran.code, 1)
  assert.match(ran.err, /^inn up: none\.wasm: there is no such file; nor\.wasm: there is no such file\n$/)
  assert.not.ok(existsSync(file('none')))
})

Up('--json tells where and what once all is served; --dev serves a file again that changed', async () => {
  const host = up(['--data', 'dev', ...ports, '--json', '--dev', 'counter.wasm'])
  await host.until(() => host.out().trimEnd().endsWith('}'))
  const { services, unrestored, listen, admin } = JSON.parse(host.out())
  assert.equal([services, unrestored], [['examples.counter.v1.Counter'], []])
  assert.is((await http(listen, 'GET', '/counter/me')).status, 200)
  copyFileSync((await component('counter/typescript')).file, file('counter.wasm'))
  await host.until(() => /counter\.wasm is served again\./.test(host.out()))
  assert.is((await http(listen, 'GET', '/counter/me')).status, 200)
  copyFileSync(file('text.wasm'), file('counter.wasm'))
  await host.until(() => /refused: counter\.wasm: the file is not a WebAssembly component/.test(host.err()))
  assert.is((await http(admin, 'GET', '/readyz')).status, 200)
  copyFileSync(counter.file, file('counter.wasm'))
  assert.is(await host.end('SIGTERM'), 0)
})

Up('--without takes the end of a name, and names what is near one that is not deployed', async () => {
  const host = up(['--data', 'dev', ...ports, '--json', '--without', 'Counter,Conter'])
  await host.until(() => host.out().trimEnd().endsWith('}'))
  const { services, unrestored } = JSON.parse(host.out())
  assert.equal([services, unrestored[0].services], [[], ['examples.counter.v1.Counter']])
  assert.match(host.err(), '--without names a service that is not deployed; did you mean examples.counter.v1.Counter?')
  assert.is(await host.end('SIGTERM'), 0)
})

Up('reader.R1: a host whose output nobody reads any more goes on, and stops as ever', async () => {
  const host = up(['--data', 'unread', ...ports, '--json', '--dev', 'counter.wasm'])
  await host.until(() => host.out().trimEnd().endsWith('}'))
  const { listen, admin } = JSON.parse(host.out())
  host.leave()
  copyFileSync((await component('counter/typescript')).file, file('counter.wasm'))
  // It says so on its output.
  const served = async () => (await http(admin, 'GET', '/v1/services')).json.services[0].deployment
  while ((await served()) === 1) await host.until(() => true)
  copyFileSync(file('text.wasm'), file('counter.wasm'))
  await host.until(() => /refused: counter\.wasm: /.test(host.err()))
  copyFileSync(counter.file, file('counter.wasm'))
  assert.is((await http(listen, 'GET', '/counter/me')).status, 200)
  assert.is(await host.end('SIGTERM'), 0)
})

Up.after(() => {
  for (const inn of running) inn.end('SIGKILL')
  work.remove()
})

Up.run()
