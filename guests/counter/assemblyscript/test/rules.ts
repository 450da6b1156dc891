// The counter's rules, without a host: `inn test`.
import { Code } from '@innkeeper/sdk-assemblyscript/assembly'
import { given, test } from '@innkeeper/sdk-assemblyscript/assembly/testing'
import { AddRequest, Added, GetRequest, Value } from '../assembly/gen/counter'
import { Counter } from '../assembly/index'

test('adds up, and replies the value after the event', () => {
  given(new Counter())
    .when('Add', AddRequest.of('a', 2))
    .then([Added.of(2)], Value.of(2))
    .when('Add', AddRequest.of('a', 3))
    .then([Added.of(3)], Value.of(5))
})

test('reads without an event, from 0', () => {
  given(new Counter()).when('Get', GetRequest.of('a')).then([], Value.of(0))
  given(new Counter(), [Added.of(2), Added.of(40)])
    .when('Get', GetRequest.of('a'))
    .then([], Value.of(42))
})

test('refuses amounts that are not positive', () => {
  given(new Counter())
    .when('Add', AddRequest.of('a', 0))
    .refuses(Code.InvalidArgument, 'amount must be positive, got 0')
    .when('Add', AddRequest.of('a', i64.MIN_VALUE))
    .refuses(Code.InvalidArgument, 'amount must be positive, got -9223372036854775808')
})

test('reaches the maximum and refuses to exceed it', () => {
  given(new Counter(), [Added.of(999_999_999_999)])
    .when('Add', AddRequest.of('a', 1))
    .then([Added.of(1)], Value.of(1_000_000_000_000))
    .when('Add', AddRequest.of('a', 1))
    .refuses(Code.FailedPrecondition)
    .when('Get', GetRequest.of('a'))
    .then([], Value.of(1_000_000_000_000))
})
