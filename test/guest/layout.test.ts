// Guards the layouts: our glue against an independent one (the bindings that componentize-qjs makes from wit/), with random
// values. What we lower arrives, and what it answers we lift.

import fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { EventSourcedGuest, GuestCommand } from '../../host/guest/guest.ts'
import { load } from '../../host/guest/load.ts'
import { defaultLimits } from '../../host/limits.ts'
import {
  asciiJson,
  basis,
  command,
  decision,
  echoing,
  kept,
  next,
  plain,
  text,
  theirs,
  typed,
} from '../support/contract.ts'

const Layout = suite('layout')

const artefact = await echoing()
const guest: EventSourcedGuest = load(artefact, defaultLimits).eventSourced!

Layout('what decide is given arrives, and what it answers is what we read', () => {
  fc.assert(
    fc.property(
      fc.record({
        service: text,
        entity: text,
        basis,
        commands: fc.array(command, { maxLength: 5 }),
        wantState: fc.boolean(),
      }),
      fc.array(decision, { minLength: 5, maxLength: 5 }),
      next,
      ({ service, entity, basis, commands, wantState }, decisions, next) => {
        const first = { events: [], outcome: {} }
        const given = decisions.slice(0, commands.length)
        const script = { decisions: [first, ...given.map(theirs.decision)], next: theirs.next(next) }
        const scripted: GuestCommand = {
          method: 'Answer',
          payload: asciiJson(script),
          metadata: [],
          nowMs: 0,
          seed: new Uint8Array(16),
        }
        const decided = guest.decide(service, entity, basis, [scripted, ...commands], wantState)
        if (decided.kind !== 'decided') throw new Error('not decided')
        const [told, ...others] = decided.decisions
        const message = told!.outcome.answer
        if (message.kind !== 'message') throw new Error('no message')
        assert.equal(
          JSON.parse(Buffer.from(message.payload).toString()),
          plain({ service, entity, basis: theirs.basis(basis), commands: commands.map(theirs.command), wantState }),
        )
        const expected = given.map((one) =>
          one.outcome.answer.kind === 'failure' ? { events: [], outcome: kept(one.outcome) } : one,
        )
        assert.equal(plain(others), plain(expected))
        const bytesToo = next.kind === 'held' && !wantState ? { ...next, bytes: undefined } : next
        assert.equal(plain(decided.next), plain(bytesToo))
      },
    ),
    { numRuns: 200, seed: 11 },
  )
})

Layout('what evolve is given arrives, and its state is what we read', () => {
  fc.assert(
    fc.property(
      text,
      text,
      basis,
      fc.array(typed, { maxLength: 8 }),
      fc.boolean(),
      (service, entity, basis, events, wantState) => {
        const evolved = guest.evolve(service, entity, basis, events, wantState)
        if (evolved.kind !== 'state') throw new Error('no state')
        assert.equal(
          JSON.parse(Buffer.from(evolved.bytes).toString()),
          plain({ service, entity, basis: theirs.basis(basis), events, wantState }),
        )
      },
    ),
    { numRuns: 100, seed: 12 },
  )
})

Layout('every field of a description is read', () => {
  const base = {
    kind: 'event-sourced' as const,
    persistenceId: undefined,
    stateType: undefined,
    stateVersion: undefined,
  }
  assert.equal(artefact.description, {
    sdkName: 'écho',
    sdkVersion: '2',
    services: [
      {
        ...base,
        name: 'test.Echo',
        persistenceId: 'echoes',
        snapshotEvery: -7,
        passivateAfterMs: 2147483647,
        stateType: 'test.State',
        headers: ['x-one', 'x-two'],
        views: [
          { method: 'A', view: { kind: 'all' } },
          { method: 'B', view: { kind: 'nothing' } },
          { method: 'C', view: { kind: 'element', field: 'field' } },
          { method: 'D', view: { kind: 'dynamic' } },
        ],
        events: ['test.Happened', 'test.Other'],
      },
      {
        ...base,
        name: 'test.Second',
        snapshotEvery: 2147483647,
        passivateAfterMs: 0,
        stateVersion: 'v1',
        headers: [],
        views: [],
        events: [],
      },
    ],
    descriptors: Uint8Array.of(1, 2, 3),
    viewServices: [
      {
        name: 'test.Rows',
        rowType: 'test.Row',
        sources: [{ service: 'test.Echo', kind: 'value', types: ['test.A', 'test.B'] }],
      },
      {
        name: 'test.More',
        rowType: 'test.Other',
        sources: [
          { service: 'test.Echo', kind: 'event-sourced', types: ['test.Happened'] },
          { service: 'test.Value', kind: 'replicated', types: [] },
        ],
      },
    ],
  })
})

Layout.run()
