// Laws of actions: unary calls in a batch and one by one, and streams step by step, in a warm and in a fresh instance.
//
// How inputs are cut into steps is tried at random, but not compared: time and chance are a step's own, so no law says that the
// outputs are the same.

import type { ActionGuest, ActionStep, StreamInput } from '../guest/guest.ts'
import type { MethodType } from '../schema/schema.ts'
import { isStreamed } from '../schema/schema.ts'
import { below, oneOf, randomBatch, randomPayload, randomSeed, timeOf } from './random.ts'
import type { Round, Trial } from './trial.ts'
import { aloneDiffers, both, describe, guarded, noneMended, requestText, same } from './trial.ts'

const itemsMax = 6
/** Steps of one stream: a guest may ask for more without end. */
const stepsMax = 40
/** How often the client leaves before the end. */
const leaving = 0.2
/** How often the fresh instance is made anew between two steps. */
const renewing = 0.5

export function actionRound(trial: Trial<ActionGuest>): Round {
  const methods = [...trial.type.methods.values()]
  const streaming = methods.filter(isStreamed)
  const unary = methods.filter((method) => !streaming.includes(method))
  return (round) => {
    trial.cold.drop()
    let commands = 0
    if (unary.length > 0) commands += tryCalls(trial, unary, round)
    if (streaming.length > 0) commands += tryStream(trial, oneOf(streaming, trial.random), round)
    return commands
  }
}

function tryCalls(trial: Trial<ActionGuest>, methods: readonly MethodType[], round: number): number {
  const { fullName: service } = trial.type
  const batch = randomBatch(methods, trial, round)
  const on = () => describe(trial, batch)
  const together = both(trial, on, (guest) => guest.call(service, batch))
  noneMended(together, on)
  for (const [index, command] of batch.entries()) {
    const [alone] = guarded(on, () => trial.cold.call(service, [command]))
    if (!same(alone, together[index]))
      throw aloneDiffers(command, index, on, together, () => trial.cold.call(service, batch))
  }
  return batch.length
}

function tryStream(trial: Trial<ActionGuest>, method: MethodType, round: number): number {
  const { random, cold } = trial
  let inputs = randomInputs(trial, method)
  const given: string[] = []
  let last: ActionStep | undefined
  for (let step = 1; step <= stepsMax; step++) {
    const more = last?.more === true
    if (inputs.length === 0 && !more) return step - 1
    // A step of what the client sent meanwhile, or because the last one asked for more.
    const count = more && random() < 0.5 ? 0 : Math.min(inputs.length, 1 + below(inputs.length, random))
    const now = inputs.slice(0, count)
    inputs = inputs.slice(count)
    given.push(now.map((input) => shown(trial, method, input)).join(' ') || 'more')
    if (random() < renewing) cold.drop()
    const state = last?.state
    const seed = randomSeed(random)
    const on = () => `the steps ${given.join(' | ')} of ${method.name}`
    last = both(trial, on, (guest) => guest.stream(trial.type.fullName, method.name, state, now, timeOf(round), seed))
    noneMended(last.outputs, on)
    if (last.done || now.some(({ kind }) => kind === 'cancelled')) return step
  }
  return stepsMax
}

/** All that a client does in one call. */
function randomInputs(trial: Trial<ActionGuest>, method: MethodType): readonly StreamInput[] {
  const { random } = trial
  const items = method.clientStreaming ? below(itemsMax, random) : 1
  const inputs: StreamInput[] = [{ kind: 'start', metadata: [] }]
  for (let i = 0; i < items; i++) inputs.push({ kind: 'item', payload: randomPayload(method, trial) })
  inputs.push({ kind: method.clientStreaming && random() < leaving ? 'cancelled' : 'end' })
  if (!method.clientStreaming && random() < leaving) inputs.push({ kind: 'cancelled' })
  return inputs
}

function shown(trial: Trial<ActionGuest>, { name }: MethodType, input: StreamInput): string {
  return input.kind === 'item' ? `item ${requestText(trial, name, input.payload)}` : input.kind
}
