// @innkeeper/sdk/testing: a service's decisions and folds as a test says them, without a host.
//
//   const { given } = testKit(service)
//   given([Added({ amount: 2n })]).when('add', { id: 'a', amount: 3n }).then([Added({ amount: 3n })], { value: 5n })

export type { Given, TestKit, When, WhenOptions } from './testing/kit.ts'
export { testKit } from './testing/kit.ts'
