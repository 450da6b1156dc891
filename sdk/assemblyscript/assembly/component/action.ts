// Component of actions: call and stream (wit/action.wit).
//
//   input   12 bytes   case (u8) 0; start: metadata 4; item: list 4
//   step    24         outputs 0, state (option) 8, done (u8) 20, more (u8) 21
//
// C1. Calls are independent of each other. A refusal keeps its effects.
// C2. The log lines of a step go with its first output; where it has none, with one that says nothing.

import { Bytes } from '../bytes'
import { bytesAt, Command, commandBytes, Metadata } from '../command'
import { Context, seedBytes } from '../context'
import { Action, Stream } from '../action'
import { Decision } from '../decision'
import { hasLogs, takeLogs } from '../logs'
import { outcomeBytes, putBytes, putOutcome, putPair } from '../lower'
import { allocate } from '../memory'
import { serviceNamed } from '../service'

const inputBytes: usize = 12

const enum Input {
  Start,
  Item,
  End,
  Cancelled,
}

export function actionCall(serviceAt: usize, serviceLength: i32, commandsAt: usize, commandsLength: i32): usize {
  const service = serviceNamed(new Bytes(serviceAt, serviceLength))
  takeLogs()
  const answer = allocate(8)
  const list = allocate(<usize>commandsLength * outcomeBytes)
  for (let i = 0; i < commandsLength; i++) {
    const command = new Command(commandsAt + <usize>i * commandBytes)
    const context = new Context(Bytes.empty(), command.nowMs, command.seed, command.metadata)
    service.__decide(command.method, command.payload, context)
    putOutcome(list + <usize>i * outcomeBytes, context.__decision, takeLogs())
  }
  putPair(answer, list, commandsLength)
  return answer
}

export function actionStream(
  serviceAt: usize,
  serviceLength: i32,
  methodAt: usize,
  methodLength: i32,
  hasState: i32,
  stateAt: usize,
  stateLength: i32,
  inputsAt: usize,
  inputsLength: i32,
  nowMs: f64,
  seed0: u32,
  seed1: u32,
  seed2: u32,
  seed3: u32,
): usize {
  const service = serviceNamed(new Bytes(serviceAt, serviceLength)) as Action
  const method = new Bytes(methodAt, methodLength)
  takeLogs()
  const seed = allocate(seedBytes)
  store<u32>(seed, seed0)
  store<u32>(seed, seed1, 4)
  store<u32>(seed, seed2, 8)
  store<u32>(seed, seed3, 12)
  const stream = service.__stream(method)
  if (stream === null) {
    const context = new Context(Bytes.empty(), nowMs, seed, Metadata.none())
    context.__unimplemented(service.__name(), method)
    return answerOf([context.__decision], null, true, false)
  }
  if (hasState != 0) stream.__load(new Bytes(stateAt, stateLength))
  let metadata = Metadata.none()
  if (inputsLength == 0) stream.__next(new Context(Bytes.empty(), nowMs, seed, metadata))
  for (let i = 0; i < inputsLength && !stream.__done; i++) {
    const input = inputsAt + <usize>i * inputBytes
    const kind = load<u8>(input)
    if (kind == Input.Start) metadata = new Metadata(input + 4)
    take(stream, kind, input, new Context(Bytes.empty(), nowMs, seed, metadata))
  }
  if (stream.__outputs.length == 0 && hasLogs()) {
    const quiet = new Decision()
    quiet.silent = true
    stream.__outputs.push(quiet)
  }
  let state: Bytes | null = null
  if (!stream.__done) state = stream.__save()
  return answerOf(stream.__outputs, state, stream.__done, stream.__more)
}

function take(stream: Stream, kind: u8, input: usize, context: Context): void {
  if (kind == Input.Start) stream.__start(context)
  else if (kind == Input.Item) stream.__item(bytesAt(input + 4), context)
  else if (kind == Input.End) stream.__closed(context)
  else {
    stream.cancelled(context)
    const decision = context.__decision
    if (decision.refusal !== null) throw new Error('a client that left cannot be refused')
    decision.silent = true
    stream.__outputs.push(decision)
    stream.__done = true
  }
}

function answerOf(outputs: Decision[], state: Bytes | null, done: bool, more: bool): usize {
  const answer = allocate(24)
  const list = allocate(<usize>outputs.length * outcomeBytes)
  for (let i = 0; i < outputs.length; i++) putOutcome(list + <usize>i * outcomeBytes, outputs[i], takeLogs())
  putPair(answer, list, outputs.length)
  store<u8>(answer, state === null ? 0 : 1, 8)
  if (state !== null) putBytes(answer + 12, state)
  store<u8>(answer, done ? 1 : 0, 20)
  store<u8>(answer, more ? 1 : 0, 21)
  return answer
}
