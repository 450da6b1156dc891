// Component of replicated services: reads, decide, render, changed, cancelled (wit/replicated.wit).
//
//   decide's tuple     88 bytes   service 0, entity 8, view 16, command 24;   render's: the same, and note 88
//   decision          108         answer: case (u8) 0, outcome or note 4; operations 84, delete (u8) 92, subscribe (option) 96
//   subscription       24         id 0, method 8, note 16
//   stream-step        96         subscription 0, outcome (option: u8 8, outcome 12), end (u8) 92
//
// C1. A refusal brings no operations, no deletion and no stream (law L3).
// C2. The answer is made from the draft that the operations changed. Where the handler looked at what only the host knows, the answer
//     is `after`, with the old view as its note: `render` decides again on it and takes what is not known from the new view. The log
//     lines go with what it renders; those of the decision are dropped.
// C3. The note of a subscription is the request that opened it.

import { Bytes } from '../bytes'
import { bytesAt, Command, Metadata } from '../command'
import { Context, seedBytes } from '../context'
import { Draft } from '../crdt'
import { hasLogs, takeLogs } from '../logs'
import { outcomeBytes, putBytes, putOutcome, putPair } from '../lower'
import { allocate } from '../memory'
import { ReplicatedService } from '../replicated'
import { serviceNamed } from '../service'

const decisionBytes: usize = 108
const subscriptionBytes: usize = 24
const stepBytes: usize = 96

export function replicatedReads(
  serviceAt: usize,
  serviceLength: i32,
  methodAt: usize,
  methodLength: i32,
  payloadAt: usize,
  payloadLength: i32,
  metadataAt: usize,
  metadataLength: i32,
  nowMs: f64,
  seed0: u32,
  seed1: u32,
  seed2: u32,
  seed3: u32,
  hasPrincipal: i32,
  principalAt: usize,
  principalLength: i32,
): usize {
  takeLogs()
  const service = serviceNamed(new Bytes(serviceAt, serviceLength)) as ReplicatedService
  const elements = service.__reads(new Bytes(methodAt, methodLength), new Bytes(payloadAt, payloadLength))
  const answer = allocate(8)
  const list = allocate(<usize>elements.length * 8)
  for (let i = 0; i < elements.length; i++) putBytes(list + <usize>i * 8, elements[i])
  putPair(answer, list, elements.length)
  return answer
}

export function replicatedDecide(tuple: usize): usize {
  takeLogs()
  const service = serviceNamed(bytesAt(tuple)) as ReplicatedService
  const view = bytesAt(tuple + 16)
  const command = new Command(tuple + 24)
  const draft = new Draft(view)
  service.__open(draft)
  const context = contextOf(bytesAt(tuple + 8), command)
  service.__decide(command.method, command.payload, context)
  return decided(service, context, draft, view, command.payload)
}

export function replicatedRender(tuple: usize): usize {
  takeLogs()
  const service = serviceNamed(bytesAt(tuple)) as ReplicatedService
  const command = new Command(tuple + 24)
  const draft = new Draft(bytesAt(tuple + 88))
  draft.after = new Draft(bytesAt(tuple + 16))
  service.__open(draft)
  const context = contextOf(bytesAt(tuple + 8), command)
  service.__decide(command.method, command.payload, context)
  const answer = allocate(outcomeBytes)
  if (context.__decision.refusal !== null) context.__decision.undo()
  else context.__decision.checkOwn(service.__name())
  putOutcome(answer, context.__decision, takeLogs())
  return answer
}

export function replicatedChanged(
  serviceAt: usize,
  serviceLength: i32,
  entityAt: usize,
  entityLength: i32,
  viewAt: usize,
  viewLength: i32,
  subscriptionsAt: usize,
  subscriptionsLength: i32,
  nowMs: f64,
): usize {
  const service = serviceNamed(new Bytes(serviceAt, serviceLength)) as ReplicatedService
  const view = new Bytes(viewAt, viewLength)
  takeLogs()
  const answer = allocate(8)
  const list = allocate(<usize>subscriptionsLength * stepBytes)
  for (let i = 0; i < subscriptionsLength; i++) {
    const subscription = subscriptionsAt + <usize>i * subscriptionBytes
    // Each its own: nothing that one does to it is seen by the next.
    const draft = new Draft(view)
    service.__open(draft)
    const context = occasion(new Bytes(entityAt, entityLength), nowMs)
    service.__changed(bytesAt(subscription + 8), bytesAt(subscription + 16), context)
    if (draft.count > 0 || draft.removed) throw new Error('a subscriber is told of changes, and makes none')
    const decision = context.__decision
    const step = list + <usize>i * stepBytes
    putBytes(step, bytesAt(subscription))
    const told = !decision.silent || decision.hasEffects || hasLogs()
    store<u8>(step, told ? 1 : 0, 8)
    if (told) putOutcome(step + 12, decision, takeLogs())
    store<u8>(step, decision.ends || decision.refusal !== null ? 1 : 0, 92)
  }
  putPair(answer, list, subscriptionsLength)
  return answer
}

export function replicatedCancelled(
  serviceAt: usize,
  serviceLength: i32,
  entityAt: usize,
  entityLength: i32,
  viewAt: usize,
  viewLength: i32,
  idAt: usize,
  idLength: i32,
  methodAt: usize,
  methodLength: i32,
  noteAt: usize,
  noteLength: i32,
  nowMs: f64,
): usize {
  const service = serviceNamed(new Bytes(serviceAt, serviceLength)) as ReplicatedService
  const view = new Bytes(viewAt, viewLength)
  takeLogs()
  const draft = new Draft(view)
  service.__open(draft)
  const context = occasion(new Bytes(entityAt, entityLength), nowMs)
  service.__cancelled(new Bytes(methodAt, methodLength), new Bytes(noteAt, noteLength), context)
  const decision = context.__decision
  if (decision.refusal !== null) throw new Error('a client that left cannot be refused')
  decision.silent = true
  decision.reply = null
  return decided(service, context, draft, view, Bytes.empty())
}

function decided(service: ReplicatedService, context: Context, draft: Draft, view: Bytes, request: Bytes): usize {
  const decision = context.__decision
  const refused = decision.refusal !== null
  if (refused) decision.undo()
  else decision.checkOwn(service.__name())
  if (!refused && !draft.removed && draft.count == 0 && !draft.exists) service.__begin()
  const answer = allocate(decisionBytes)
  const after = draft.undecided && !refused
  store<u8>(answer, after ? 1 : 0)
  if (after) putBytes(answer + 4, view)
  else putOutcome(answer + 4, decision, takeLogs())
  putBytes(answer + 84, refused ? Bytes.empty() : draft.changes())
  store<u8>(answer, draft.removed && !refused ? 1 : 0, 92)
  const subscribes = decision.subscribes && !refused
  store<u8>(answer, subscribes ? 1 : 0, 96)
  if (subscribes) putBytes(answer + 100, request)
  return answer
}

function contextOf(entity: Bytes, command: Command): Context {
  return new Context(entity, command.nowMs, command.seed, command.metadata)
}

/** Without a command there is no chance, and nothing that a caller sent along. */
function occasion(entity: Bytes, nowMs: f64): Context {
  const seed = allocate(seedBytes)
  memory.fill(seed, 0, seedBytes)
  return new Context(entity, nowMs, seed, Metadata.none())
}
