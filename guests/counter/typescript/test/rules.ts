// The counter's rules, without a host. Run by `inn build` first: it writes src/gen.
import { test } from 'node:test'
import { testKit } from '@innkeeper/sdk/testing'
import { Added } from '../src/gen/counter.ts'
import counter from '../src/service.ts'

const { given } = testKit(counter)

test('adds up, and replies the value after the event', () => {
  given()
    .when('add', { id: 'a', amount: 2n })
    .then([Added({ amount: 2n })], { value: 2n })
    .when('add', { id: 'a', amount: 3n })
    .then([Added({ amount: 3n })], { value: 5n })
})

test('reads without an event, from 0', () => {
  given().when('get', { id: 'a' }).then([], { value: 0n })
  given([Added({ amount: 2n }), Added({ amount: 40n })])
    .when('get', { id: 'a' })
    .then([], { value: 42n })
})

test('refuses amounts that are not positive', () => {
  for (const amount of [0n, -1n, -9_223_372_036_854_775_808n]) {
    given().when('add', { id: 'a', amount }).refuses('INVALID_ARGUMENT', `amount must be positive, got ${amount}`)
  }
})

test('reaches the maximum and refuses to exceed it', () => {
  given([Added({ amount: 999_999_999_999n })])
    .when('add', { id: 'a', amount: 1n })
    .then([Added({ amount: 1n })], { value: 1_000_000_000_000n })
    .when('add', { id: 'a', amount: 1n })
    .refuses('FAILED_PRECONDITION', /exceed/)
    .when('get', { id: 'a' })
    .then([], { value: 1_000_000_000_000n })
})
