// Guards what a .proto may say of schedules: each mistake is told with its method, and what is planned sends the request that was meant.

import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { planSchedules } from '../../host/schedules/rules.ts'
import { protos } from '../support/protos.ts'

const Plans = suite('plans of schedules')
const nowMs = Date.parse('2026-11-29T12:00:00Z')

async function planned(options: string, more = '') {
  const { schema } = await protos({
    't.proto': `syntax = "proto3"; package t.v1; import "innkeeper/options.proto";
      service S { rpc Do(In) returns (In) { ${options} } rpc Other(In) returns (stream In) { ${more} } }
      message In { string id = 1 [(innkeeper.entity_key) = true]; int64 amount = 2; }`,
  })
  const problems: string[] = []
  const { schedules } = planSchedules(schema, schema.services.get('t.v1.S')!, true, nowMs, (problem, method) =>
    problems.push(`${method}: ${problem}`),
  )
  return { schedules, problems }
}
const option = (text: string) => `option (innkeeper.schedule) = { ${text} };`
const json = String.raw`json: "{\"id\": \"x\", \"amount\": \"9007199254740993\"}"`

Plans('§schedule-1: name, request and all else are those of the option; several are several', async () => {
  const { schedules, problems } = await planned(
    option(`cron: "0 3 * * *" time_zone: "Europe/Zurich" missed: SKIP ${json}`) +
      option(`name: "hourly" cron: "@hourly" ${json}`),
  )
  assert.equal(problems, [])
  assert.equal(
    schedules.map(({ name, method, rule }) => [name, method, rule.missed, rule.timeZone]),
    [
      ['Do', 'Do', 'skip', 'Europe/Zurich'],
      ['hourly', 'Do', 'once', ''],
    ],
  )
  const bytes = Buffer.from([10, 1, 120, 16, 129, 128, 128, 128, 128, 128, 128, 16])
  for (const { payload } of schedules) assert.equal(Buffer.from(payload), bytes)
})

Plans('rules.R1, §schedule-1: what is wrong is told', async () => {
  for (const [options, expected] of [
    [option(`${json}`), 'Do: the schedule Do needs a cron expression, as "0 3 * * *"'],
    [option(`cron: "x" ${json}`), /^Do: the schedule Do has a cron expression that cannot be read: /],
    [option(`cron: "61 * * * *" ${json}`), /cannot be read: Invalid value for minute: 61/],
    [option(`cron: "${'1,'.repeat(120)}1 * * * *" ${json}`), /has a cron expression of more than 200 characters/],
    [option(`cron: "0 0 30 2 *" ${json}`), 'Do: the schedule Do is never due: "0 0 30 2 *"'],
    [option(`cron: "@daily" time_zone: "Mars/Base" ${json}`), /names the time zone "Mars\/Base", which is none/],
    [option(`cron: "@daily"`), /has a request that names no entity; say it in json/],
    [option(`cron: "@daily" json: "{"`), /has a request that is no JSON: /],
    [option(String.raw`cron: "@daily" json: "{\"ids\": 1}"`), /has a request that is no t\.v1\.In: \$/],
    [option(`name: "a b" cron: "@daily" ${json}`), /needs a name of at most 100 letters/],
    [option(`cron: "@daily" ${json}`).repeat(2), 'Do: the schedule Do has the name of another one of the service'],
  ] as const) {
    const { problems } = await planned(options)
    assert.is(problems.length, 1, options)
    if (typeof expected === 'string') assert.is(problems[0], expected)
    else assert.match(problems[0]!, expected)
  }
  const { problems } = await planned('', option(`cron: "@daily" ${json}`))
  assert.match(problems.join(), /Other: the schedule Other is of a method that streams/)
})

Plans('another hash says that a schedule has changed, and nothing else does', async () => {
  const hash = async (text: string) => (await planned(option(text))).schedules[0]!.hash
  const first = await hash(`cron: "@daily" ${json}`)
  assert.is(await hash(`cron: "@daily" ${json}`), first)
  for (const other of [
    `cron: "@hourly" ${json}`,
    `cron: "@daily" time_zone: "Europe/Zurich" ${json}`,
    `cron: "@daily" missed: SKIP ${json}`,
    String.raw`cron: "@daily" json: "{\"id\": \"y\"}"`,
  ])
    assert.is.not(await hash(other), first, other)
})

Plans.run()
