// Guards what an effect becomes on its way to a service of this host, and what each answer means for the next try.

import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { Answer, Command } from '../../host/command.ts'
import { Commits } from '../../host/commits.ts'
import { commandTarget } from '../../host/delivery/targets/command.ts'
import type { Tried } from '../../host/delivery/targets/target.ts'
import type { EffectEntry } from '../../host/effect.ts'
import { InnkeeperError, wire } from '../../host/errors.ts'

const Targets = suite('targets of effects')

const entry: EffectEntry = {
  ...{ id: 7, chain: 7, place: 1, chainEffects: 1, hops: 3, attempts: 0, parked: undefined, synchronous: false },
  cause: { service: 's', entity: 'e', revision: 1 },
  call: { service: 't', method: 'm', payload: new Uint8Array([1]), metadata: [['x-name', 'value']] },
}

function tried(answer: Answer): { readonly command: Command; readonly tried: Tried } {
  let seen: { command: Command; tried: Tried } | undefined
  let given: Command | undefined
  const dispatch = (command: Command, reply: (answer: Answer) => void) => {
    given = command
    reply(answer)
  }
  const target = commandTarget({
    dispatch,
    clock: { now: () => 1_000 },
    unserved: () => undefined,
    deployed: () => true,
  })
  const begins = () => true
  target.deliver(entry, 2, begins, (result) => {
    assert.is(seen, undefined, 'told once')
    seen = { command: given!, tried: result }
  })
  return seen!
}

/** What an answer tells of goes with it. */
const commits = new Commits(0, 7)

const refusal = (code: number): Answer => ({
  kind: 'refusal',
  failure: { code, message: 'no', details: [] },
  metadata: [],
})

Targets('command.D1: the command has the entry, its call, the hops, and a minute', () => {
  const { command, tried: result } = tried({ kind: 'reply', payload: new Uint8Array(0), metadata: [], commits })
  assert.equal(result, { kind: 'arrived', commits })
  assert.is(command.effect, entry)
  const { service, method, payload, metadata, hops, deadlineMs, requestId, idempotencyKey } = command
  assert.equal({ service, method, payload, metadata }, entry.call)
  assert.equal([hops, deadlineMs, requestId, idempotencyKey], [2, 61_000, 'effect-7', undefined])
})

Targets(
  'command.D2: four codes may be another thing later, from a function and from the host; all else is an answer',
  () => {
    const again = [4, 8, 10, 14]
    for (let code = 1; code <= 16; code++) {
      const { tried: result } = tried(refusal(code))
      assert.ok(result.kind === 'failed')
      assert.is(result.again, again.includes(code), `${code}`)
      assert.equal([result.code, result.decided, result.failure?.code], [code, true, code])
      assert.match(result.reason, /^refused with [A-Z_]+: no$/)
    }
    for (const [code, passes, decided] of [
      ['overloaded', true, false],
      ['storage_unavailable', true, false],
      ['deadline_exceeded', true, false],
      ['guest_fault', false, true],
      ['unknown_service', false, false],
      ['bad_request', false, false],
    ] as const) {
      const { tried: result } = tried({ kind: 'error', error: new InnkeeperError(code, 'why'), commits })
      const { grpc } = wire[code]
      const unsure = code === 'deadline_exceeded'
      assert.equal(result, {
        kind: 'failed',
        reason: 'why',
        again: passes,
        code: grpc,
        decided,
        unsure,
        failure: undefined,
        commits,
      })
    }
  },
)

Targets.run()
