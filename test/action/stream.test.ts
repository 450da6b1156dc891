// Guards the bound of what waits for a stream's function.

import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { ActionContext } from '../../host/action/context.ts'
import { ActionStream } from '../../host/action/stream.ts'
import type { Command, Receiver } from '../../host/command.ts'
import { defaultLimits } from '../../host/limits.ts'
import { Metrics } from '../../host/observe/metrics.ts'
import type { ActionService, Method } from '../../host/services.ts'

function scene(limits: { streamInputsMax?: number; messageBytesMax?: number }) {
  let taken = 0
  const receiver: Receiver = { ready: true, next() {}, end() {}, inputTaken: () => void (taken += 1), owes() {} }
  const step = { outputs: [], more: false, done: false, state: undefined }
  const context: Partial<Record<keyof ActionContext, unknown>> = {
    partitionOf: () => ({ keeper: { places: {} } }),
    clock: { now: () => 0, steady: () => 0 },
    chance: { seed: () => new Uint8Array(16) },
    limits: { ...defaultLimits, ...limits },
    metrics: new Metrics(),
    again: () => {},
  }
  const service = { name: 's', guest: { stream: () => step } } as unknown as ActionService
  const method = { type: { name: 'M', clientStreaming: true, serverStreaming: true } } as unknown as Method
  const command = { service: 's', method: 'M', payload: new Uint8Array(), metadata: [] } as unknown as Command
  const stream = new ActionStream(context as unknown as ActionContext, service, method, command, receiver, () => {})
  return { stream, taken: () => taken }
}

const Input = suite('the input of a stream')

Input('action/stream.S5: past so many elements, or bytes of a message, the client waits until they are taken', () => {
  // The start of the call is one of them.
  for (const limits of [{ streamInputsMax: 4 }, { messageBytesMax: 25 }]) {
    const { stream, taken } = scene(limits)
    const item = () => stream.item(new Uint8Array(10))
    for (let round = 1; round <= 2; round++) {
      const inTime = [item(), item(), item(), item()]
      assert.equal([inTime[0], inTime.at(-1), taken()], [true, false, round - 1])
      stream.turn()
      assert.is(taken(), round)
    }
  }
})

Input.run()
