// Guards schedules on a real host: each second one run, over `kill -9` again and again; and what `inn` says of them.

import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as moment } from 'node:timers/promises'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { hostProcess, http, temporary } from '../support/host.ts'
import { eventually } from '../support/ingress.ts'
import { runInn } from '../support/inn.ts'
import { scripted, values } from '../support/scripted.ts'

const Killed = suite('schedules of a host that is killed')

const add = "return { change: { updated: String(Number(value ?? 0) + 1) }, outcome: say('') }"
const rule = `option (innkeeper.schedule) = { name: "tick" cron: "* * * * * *" json: ${JSON.stringify(JSON.stringify({ id: 'a', code: add }))} };
  option (innkeeper.schedule) = { name: "yearly" cron: "0 0 1 1 *" json: ${JSON.stringify(JSON.stringify({ id: 'b', code: add }))} };`

Killed(
  '§schedule-3, schedules.S1: runs that were made and values that they left are as many, wherever it was killed',
  async () => {
    const data = temporary()
    const file = join(data.path, 'scripted.wasm')
    writeFileSync(
      file,
      await scripted(undefined, (text) =>
        text.replace('rpc Do(Script) returns (Said) {', `rpc Do(Script) returns (Said) { ${rule}`),
      ),
    )
    let host = await hostProcess(join(data.path, 'data'), [file])
    const shown = async () => (await http(host.admin, 'GET', '/v1/schedules')).json.schedules[0]
    try {
      for (let kill = 0; kill < 5; kill++) {
        const { runs } = await shown()
        await eventually(async () => (await shown()).runs > runs)
        await moment(Math.random() * 300)
        await host.kill()
        host = await hostProcess(join(data.path, 'data'))
      }
      await eventually(async () => (await shown()).runs > 5)
      // Between two runs, with none under way.
      await eventually(async () => {
        const [before, held, after] = [
          await shown(),
          await http(host.listen, 'POST', '/values/a', { code: 'return { outcome: say(value) }' }),
          await shown(),
        ]
        if (before.runs !== after.runs || before.underWay || after.underWay) return false
        assert.is(held.json.text, String(before.runs))
        return true
      })
      const listed = await runInn(data.path, ['schedules', 'Values', '--admin', host.admin])
      assert.match(
        listed.out,
        new RegExp(`^${values} tick +calls Do +\\* \\* \\* \\* \\* \\* \\(UTC\\) +(next|under way).* runs$`, 'm'),
      )
      const ran = await runInn(data.path, ['schedules', 'Values', '--run', 'yearly', '--admin', host.admin])
      assert.match(ran.out, /^The schedule yearly of test\.script\.v1\.Values runs now, as effect \d+\.$/m)
      await eventually(
        async () =>
          (await http(host.listen, 'POST', '/values/b', { code: 'return { outcome: say(value) }' })).json.text === '1',
      )
      const none = await runInn(data.path, ['schedules', 'Values', '--run', 'x', '--admin', host.admin])
      assert.equal(
        [none.code, none.err.trim()],
        [1, `inn schedules: ${values} has no schedule x; \`inn schedules\` lists them`],
      )
      assert.match((await runInn(data.path, ['clock', '--admin', host.admin])).out, /Schedules and timers go by it\./)
      assert.is((await runInn(data.path, ['clock', 'set', '--admin', host.admin])).code, 2)
    } finally {
      await host.kill()
      data.remove()
    }
  },
)

Killed.run()
