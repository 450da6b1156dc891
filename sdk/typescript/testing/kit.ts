// Test kit: a service's rules as a test says them, without a host, for any test runner: failures are AssertionErrors.
// What it looks like depends on the kind; see event-sourced.ts, value.ts, replicated.ts, action.ts and view.ts.

import type { Action } from '../action.ts'
import type { Messages, Methods } from '../codec/message.ts'
import type { AnyKind } from '../crdt/kinds.ts'
import type { EventSourced } from '../event-sourced.ts'
import type { Replicated } from '../replicated.ts'
import type { Value } from '../value.ts'
import type { View } from '../view.ts'
import type { ActionKit } from './action.ts'
import { actionKit } from './action.ts'
import type { TestKit } from './event-sourced.ts'
import { eventSourcedKit } from './event-sourced.ts'
import type { ReplicatedKit } from './replicated.ts'
import { replicatedKit } from './replicated.ts'
import type { ValueKit } from './value.ts'
import { valueKit } from './value.ts'
import type { ViewKit } from './view.ts'
import { viewKit } from './view.ts'

/** The test kit of a service, or of a view. */
export function testKit<M extends Methods, E extends Messages, State>(
  definition: EventSourced<M, E, State>,
): TestKit<M, E, State>
export function testKit<M extends Methods, V>(definition: Value<M, V>): ValueKit<M, V>
export function testKit<M extends Methods, K extends AnyKind>(definition: Replicated<M, K>): ReplicatedKit<M, K>
export function testKit<M extends Methods>(definition: Action<M>): ActionKit<M>
export function testKit<Row extends object>(definition: View<Row>): ViewKit<Row>
export function testKit(definition: EventSourced | Value | Replicated | Action | View): unknown {
  switch (definition.kind) {
    case 'event-sourced':
      return eventSourcedKit(definition)
    case 'value':
      return valueKit(definition)
    case 'replicated':
      return replicatedKit(definition)
    case 'action':
      return actionKit(definition)
    case 'view':
      return viewKit(definition)
  }
}
