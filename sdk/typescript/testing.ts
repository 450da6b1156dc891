// @innkeeper/sdk/testing: a service's rules as a test says them, without a host.
//
//   const { given } = testKit(service)
//   given([Added({ amount: 2n })]).when('add', { id: 'a', amount: 3n }).then([Added({ amount: 3n })], { value: 5n })

export type { ActionKit, StreamDriver, WhenAction } from './testing/action.ts'
export type { Given, TestKit, When } from './testing/event-sourced.ts'
export { testKit } from './testing/kit.ts'
export type { WhenOptions } from './testing/outcome.ts'
export { any } from './testing/outcome.ts'
export type {
  GivenReplicated,
  ReplicatedKit,
  WhenCancelled,
  WhenChanged,
  WhenReplicated,
} from './testing/replicated.ts'
export type { Pending } from './testing/timeline.ts'
export type { Answered, Parked, Together } from './testing/together.ts'
export { together } from './testing/together.ts'
export type { GivenValue, ValueKit, WhenValue } from './testing/value.ts'
export type { Changed, GivenRows, ViewKit, WhenRows } from './testing/view.ts'
