// Guards what hooks show before anything is asked: on a server, of no request, and of one that is no message. In a browser: page.test.ts.

import { createElement } from 'react'
import { renderToString } from 'react-dom/server'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { useCommand, useQuery } from '../../sdk/client/react.ts'
import { protos } from '../support/protos.ts'
import { written } from '../support/typed-client.ts'

const { bytes } = await protos({
  'a.proto': 'syntax = "proto3"; package a; message M { int32 n = 1; } service S { rpc Do(M) returns (M); }',
})
const code = await written([{ name: 'a.S', kind: 'value', descriptors: bytes }])
let calls = 0
const { s } = code.create({
  baseUrl: 'http://none',
  fetch: () => {
    calls += 1
    throw new Error('nobody is to call')
  },
})

/** What a component reads from a hook, rendered on a server. */
function shown(hook: () => object): Record<string, unknown> {
  let seen: object = {}
  const Component = () => {
    seen = hook()
    return null
  }
  renderToString(createElement(Component))
  return seen as Record<string, unknown>
}

const Hooks = suite('hooks')

Hooks('on a server a query is loading, and asks nothing', () => {
  const { data, error, loading } = shown(() => useQuery(s.do, { n: 1 }))
  assert.equal([data, error, loading], [undefined, undefined, true])
  assert.is(calls, 0)
})

Hooks('without a request there is nothing to wait for', () => {
  const { data, error, loading } = shown(() => useQuery(s.do, undefined))
  assert.equal([data, error, loading], [undefined, undefined, false])
})

Hooks('a request that is no message is an error, and takes no page down', () => {
  const { error, loading } = shown(() => useQuery(s.do, { n: 2 ** 40 }))
  assert.match((error as Error).message, /int32/)
  assert.is(loading, false)
})

Hooks('a command waits to be run', () => {
  const { data, error, loading } = shown(() => useCommand(s.do))
  assert.equal([data, error, loading], [undefined, undefined, false])
})

Hooks.after(() => code.remove())

Hooks.run()
