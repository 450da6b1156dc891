// Guards internal methods (§call-11): no client calls one, whatever protocol it speaks and whether the method streams; forwards and effects do; and nothing
// that clients may read tells of it.

import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { publicBytes } from '../../host/schema/public.ts'
import { readDescriptorSet } from '../../host/schema/raw.ts'
import { connect } from '../../sdk/typescript/client.ts'
import { http, temporary, testHost } from '../support/host.ts'
import { eventually } from '../support/ingress.ts'
import { runInn } from '../support/inn.ts'
import { protos } from '../support/protos.ts'
import { actions, replicas, ScriptClient, script, scripted, values } from '../support/scripted.ts'

const Internal = suite('internal methods')

const hidden = '{ option (innkeeper.method) = { internal: true }; }'
const proto = (text: string) =>
  text
    .replace(
      'rpc Do(Script) returns (Said) {',
      `rpc Keep(Script) returns (Said) ${hidden}\n  rpc Do(Script) returns (Said) {`,
    )
    .replace('rpc Blind(Script) returns (Said);', `rpc Blind(Script) returns (Said) ${hidden}`)
    .replace(
      'rpc Both(stream Script) returns (stream Said);',
      `rpc Both(stream Script) returns (stream Said) ${hidden}`,
    )

const data = temporary()
const host = await testHost(data.path)
assert.ok((await host.deployer.deploy(await scripted(undefined, proto))).ok)
const client = new ScriptClient(host.listen)
const put = (text: string) => `return { change: { updated: '${text}' }, outcome: say('kept') }`
const held = async (id: string) => (await client.call(values, 'Do', id, 'return { outcome: say(String(value)) }')).text
const message = (method: string) => `${method} is internal: only deployed functions may call it`

Internal('§call-11, router.R5: over gRPC it is PERMISSION_DENIED, unary and streamed, and nothing runs', async () => {
  for (const [service, method] of [
    [values, 'Keep'],
    [replicas, 'Blind'],
  ] as const) {
    const { code, message: told } = await client.call(service, method, 'a', put('from outside'))
    assert.equal([code, told], [7, message(`${service}/${method}`)])
  }
  const streamed = client.listen(actions, 'Both', 'a', "return { say: 'x' }")
  assert.equal([await streamed.ended(), streamed.message], [7, message(`${actions}/Both`)])
  assert.is(await held('a'), 'undefined')
})

Internal('§call-11: over gRPC-Web, HTTP/JSON, HTTP/2 and as a pipelined command it is the same', async () => {
  const frame = Buffer.concat([Buffer.from([0, 0, 0, 0, script('a', put('x')).length]), script('a', put('x'))])
  const web = await fetch(`http://${host.listen}/${values}/Keep`, {
    method: 'POST',
    headers: { 'content-type': 'application/grpc-web+proto' },
    body: frame,
  })
  const ending = `${web.headers.get('grpc-status')} ${Buffer.from(await web.arrayBuffer()).toString('latin1')}`
  assert.match(ending, /7/)
  // Whatever its body is.
  for (const body of [{ id: 'a', code: put('x') }, '{', '', [1]]) {
    const { status, json } = await http(host.listen, 'POST', `/${values}/Keep`, body)
    assert.equal([status, json.code, json.message], [403, 7, message(`${values}/Keep`)], JSON.stringify(body))
  }
  assert.is((await http(host.listen, 'POST', `/${actions}/Both`, { id: 'a' })).status, 403)
  const piped = connect(host.listen)
  try {
    await piped.callJson(values, 'Keep', { id: 'a', code: put('x') })
    assert.unreachable('it was called')
  } catch (error) {
    assert.match(String(error), /is internal: only deployed functions may call it/)
  } finally {
    piped.destroy()
  }
  assert.is(await held('a'), 'undefined')
})

Internal('§call-11: a forward, a synchronous effect and one that nobody waits for call it', async () => {
  const way = (kind: string) =>
    ({
      forward: `return forward('Values', 'Keep', 'by-forward', ${JSON.stringify(put('forwarded'))})`,
      effect: `return say('', { effects: [effect('Values', 'Keep', 'by-effect', ${JSON.stringify(put('caused'))}, true)] })`,
      later: `return say('', { effects: [effect('Values', 'Keep', 'by-later', ${JSON.stringify(put('later'))})] })`,
    })[kind]!
  for (const kind of ['forward', 'effect', 'later'])
    assert.is((await client.call(actions, 'Do', '', way(kind))).code, 0, kind)
  assert.equal([await held('by-forward'), await held('by-effect')], ['forwarded', 'caused'])
  await eventually(async () => (await held('by-later')) === 'later')
})

Internal(
  '§call-11, openapi.O5: neither OpenAPI nor reflection tells of it; inn services says that it is internal',
  async () => {
    const document = await http(host.listen, 'GET', '/openapi.json')
    assert.ok(document.text.includes(`${values}`) && !/Keep|Blind|Both/.test(document.text))
    const { json } = await http(host.admin, 'GET', `/v1/services/${values}`)
    const keep = json.methods.find(({ name }: { name: string }) => name === 'Keep')
    assert.equal([keep.internal, keep.routes], [true, []])
    const [file] = [...host.services.get(values)!.schema.files.values()].filter(({ name }) =>
      name.endsWith('scripted.proto'),
    )
    const [told] = readDescriptorSet(Buffer.concat([Buffer.from([10, ...varint(file!.bytes.length)]), file!.bytes]))
    const names = told!.services.map(({ name, methods }) => [name, methods.map((method) => method.name)])
    assert.equal(names, [
      ['Values', ['Do']],
      ['Replicas', ['Do', 'Open', 'One', 'Some']],
      ['Actions', ['Do', 'Out', 'In']],
    ])
    assert.ok(!file!.symbols.some((symbol) => /Keep|Blind|Both/.test(symbol)))
    assert.ok(!Buffer.from(file!.bytes).toString('latin1').includes('Keep'))
    const called = await runInn(data.path, ['call', 'Values/keep', '{}', '--admin', host.admin])
    assert.equal(
      [called.code, called.err.trim()],
      [1, `inn call: ${values}/Keep is internal: forwards, effects, timers and schedules call it, and no client`],
    )
  },
)

Internal('a version that makes one of a method of clients says so', async () => {
  const more = (text: string) =>
    proto(text).replace('rpc One(Script) returns (Said);', `rpc One(Script) returns (Said) ${hidden}`)
  const deployed = await host.deployer.deploy(await scripted(undefined, more), { dryRun: true })
  assert.ok(deployed.ok)
  assert.equal(
    deployed.warnings.filter((warning) => warning.includes('internal')),
    [`${replicas}/One is internal: clients that call it get PERMISSION_DENIED`],
  )
})

Internal('an HTTP rule on it is refused when it is deployed', async () => {
  const rule = (text: string) =>
    text.replace(
      'rpc Do(Script) returns (Said) {',
      'rpc Do(Script) returns (Said) {\n    option (innkeeper.method) = { internal: true };',
    )
  const deployed = await host.deployer.deploy(await scripted(undefined, rule))
  assert.ok(!deployed.ok)
  assert.match(
    deployed.reasons.join('\n'),
    /Values\.Do: it is internal, so no client may call it: remove \(google\.api\.http\)/,
  )
})

Internal('what a file says besides is as it was, and without internal methods the bytes are the same', async () => {
  const text = (option: string) => `syntax = "proto3"; package t.v1; import "innkeeper/options.proto";
    message In { string id = 1; } enum E { E_UNSPECIFIED = 0; }
    service One { rpc A(In) returns (In)${option} rpc B(In) returns (In); }
    service Two { rpc A(In) returns (stream In); }`
  const file = async (source: string) => {
    const { bytes } = await protos({ 't.proto': source })
    return readDescriptorSet(bytes).find(({ name }) => name === 't.proto')!
  }
  const open = await file(text(';'))
  assert.is(publicBytes(open), open.bytes)
  const expected = await file(text(';').replace('rpc A(In) returns (In);', ''))
  assert.equal(Buffer.from(publicBytes(await file(text(hidden)))), Buffer.from(expected.bytes))
})

function varint(value: number): number[] {
  return value < 128 ? [value] : [(value & 127) | 128, ...varint(value >>> 7)]
}

Internal.after(async () => {
  client.close()
  await host.stop()
  data.remove()
})

Internal.run()
