// Guards the form of methods that hear answers, and that two components agree on it.

import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { answersBetween } from '../../host/deploy/answers.ts'
import { actions, hearing, scripted, values } from '../support/scripted.ts'
import { TimedHost } from '../support/timed-host.ts'

const Hearing = suite('methods that hear answers')

type Change = (proto: string) => string

async function refused(change: Change, said: RegExp): Promise<void> {
  const host = new TimedHost()
  await host.start()
  const result = await host.tryDeploy(await scripted(undefined, (proto) => change(hearing()(proto))))
  assert.not(result.ok, `${said}`)
  assert.match(JSON.stringify(result).replaceAll('\\"', '"'), said)
}

Hearing(
  '§ask-8, deploy/answers.H1: what has another form than the host makes is refused, and told which it must have',
  async () => {
    const where = /test\.script\.v1\.Values\.Heard: /.source
    const shape = /must have: oneof outcome \{ test\.script\.v1\.Said reply = 1; google\.rpc\.Status failure = 2; \}/
      .source
    for (const [change, said] of [
      [(proto) => proto.replace('Said reply = 1', 'Script reply = 1'), new RegExp(`${where}.*${shape}`)],
      [(proto) => proto.replace('Said reply = 1', 'Said reply = 4'), new RegExp(`${where}.*${shape}`)],
      [(proto) => proto.replace('google.rpc.Status failure = 2', 'Said failure = 2'), new RegExp(`${where}.*${shape}`)],
      [(proto) => proto.replace(/oneof outcome \{([^}]*)\}/, '$1'), new RegExp(`${where}.*${shape}`)],
      [
        (proto) => proto.replace('Script note = 3', 'string note = 3'),
        /Answered\.note is the note that comes back, and must be a single message/,
      ],
      [
        (proto) => proto.replace(/answers: "[^"]*"/g, 'answers: "Do"'),
        /`answers` is "Do"; it is written as SERVICE\/METHOD/,
      ],
      [(proto) => proto.replace(/answers: "[^"]*"/g, `answers: "${values}/Nothing"`), /Values has no method Nothing/],
      [
        (proto) => proto.replace(/answers: "[^"]*"/g, 'answers: "no.such.Service/Do"'),
        /no\.such\.Service is not in the descriptors; import its \.proto/,
      ],
      [
        (proto) => proto.replace(/answers: "[^"]*"/g, `answers: "${actions}/Out"`),
        /which streams; only methods that answer once can be asked/,
      ],
      [
        (proto) =>
          proto.replace(
            /rpc Heard\(Answered\) returns \(Said\) \{/,
            '$& option (google.api.http) = { get: "/heard" };',
          ),
        /so no client may call it: remove \(google\.api\.http\)|it is internal, so no client may call it/,
      ],
      [
        (proto) =>
          proto.replace(
            'service Actions {',
            `service Actions { rpc Heard(Answered) returns (Said) { option (innkeeper.method) = { answers: "${values}/Do" }; }`,
          ),
        /Actions\.Heard: an action has no entity that could hear an answer/,
      ],
    ] satisfies readonly (readonly [Change, RegExp])[])
      await refused(change, said)
  },
)

Hearing('§ask-8, deploy/answers.H2: of two components that differ the later one is refused', () => {
  const message = (fullName: string) => ({ fullName, fields: [] as object[] })
  const served = (name: string, ...methods: readonly object[]) =>
    ({
      name,
      type: { fullName: name, methods: new Map(methods.map((one) => [(one as { name: string }).name, one])) },
    }) as never
  const target = (output: string, more: object = {}) =>
    served('b.B', { name: 'Do', input: message('b.In'), output: message(output), clientStreaming: false, ...more })
  const reply = { number: 1, repeated: false, type: { kind: 'message', message: message('b.Out') } }
  const asker = served('a.A', {
    name: 'Heard',
    input: { fields: [reply] },
    output: message('a.Out'),
    answers: 'b.B/Do',
  })
  assert.equal(answersBetween([asker], []), [])
  assert.equal(answersBetween([asker], [target('b.Out')]), [])
  const said = ['a.A.Heard hears the answers of b.B/Do as b.Out, but that answers b.Other (--force overrides)']
  assert.equal(answersBetween([asker], [target('b.Other')]), said)
  assert.equal(answersBetween([target('b.Other')], [asker]), said)
  assert.match(answersBetween([asker], [served('b.B')])[0]!, /but that has no such method/)
  assert.match(answersBetween([target('b.Out', { serverStreaming: true })], [asker])[0]!, /but that streams/)
})

Hearing.run()
