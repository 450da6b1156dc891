// Replicas: the model service of replicated values, all kinds in one map.
import type { Clock, Consistency, Operation, ViewOf } from '@innkeeper/sdk'
import {
  accept,
  flag,
  gCounter,
  gSet,
  lwwRegister,
  orMap,
  orSet,
  pnCounter,
  record,
  remove,
  replicated,
  text,
  vote,
} from '@innkeeper/sdk'
import type { Change } from './gen/conformance.ts'
import { Replicas } from './gen/conformance.ts'
import { perform, withAll } from './script.ts'

export const all = record({
  g: gCounter(),
  p: pnCounter(),
  gs: gSet(text),
  os: orSet(text),
  r: lwwRegister(text, ''),
  f: flag(),
  m: orMap(text, pnCounter()),
  v: vote(),
  n: orMap(text, orSet(text)),
})
type View = ViewOf<typeof all>

const consistencies: readonly Consistency[] = ['local', 'majority', 'all']
const clocks: readonly Clock[] = ['default', 'reverse', 'custom', 'custom-auto-increment']

export default replicated(Replicas, {
  value: all,
  decide: {
    do: (view, script, context) => {
      const operations: Operation[] = []
      let deleted = false
      let consistency: Consistency = 'local'
      const done = perform<View>(
        script,
        context.entity,
        context,
        { state: shown },
        (act) => {
          if (act.case === 'clear') deleted = true
          if (act.case === 'consistency') consistency = consistencies[act.value] ?? consistency
          if (act.case === 'change') operations.push(...operationsOf(view, act.value.change))
        },
        'no asks',
      )
      if (done.refusal !== undefined) return done.refusal
      const { forward, later } = done
      const said = (after: View) => done.said(after)
      const accepted = withAll(deleted ? remove(...operations) : accept(...operations), done).consistency(consistency)
      if (later !== undefined) return accepted.later(later.ticket, later.options)
      return forward === undefined ? accepted.reply(said) : accepted.forward(forward)
    },
  },
})

function operationsOf(view: View, change: Change['change']): readonly Operation[] {
  switch (change?.case) {
    case 'increment':
      return [view.g.add(change.value)]
    case 'add':
      return [view.p.add(change.value)]
    case 'grow':
      return [view.gs.add(change.value)]
    case 'insert':
      return [view.os.add(change.value)]
    case 'remove':
      return [view.os.remove(change.value)]
    case 'clear':
      return [view.os.clear()]
    case 'assign': {
      const { value, clock, customClock } = change.value
      return [view.r.set(value, { clock: clocks[clock] ?? 'default', at: customClock })]
    }
    case 'enable':
      return [view.f.enable()]
    case 'vote':
      return [view.v.vote(change.value)]
    case 'count':
      return [view.m.at(change.value.key).add(change.value.by)]
    case 'uncount':
      return [view.m.remove(change.value)]
    case 'clearCounts':
      return [view.m.clear()]
    case 'createCount':
      return [view.m.create(change.value)]
    case 'createNest':
      return [view.n.create(change.value)]
    case 'nest':
      return [view.n.at(change.value.key).add(change.value.element)]
    case 'unnest':
      return [view.n.remove(change.value)]
    default:
      return []
  }
}

/** Elements and keys come in the order of their bytes. */
export function shown({ g, p, gs, os, r, f, m, v, n }: View): string {
  const counts = Array.from(m, ([key, { value }]) => `${key}:${value}`)
  const nested = Array.from(n, ([key, set]) => `${key}:${[...set].join('+')}`)
  return [
    `g=${g.value}`,
    `p=${p.value}`,
    `gs=${[...gs].join(',')}`,
    `os=${[...os].join(',')}`,
    `r=${r.value}`,
    `f=${f.enabled}`,
    `m=${counts.join(',')}`,
    `v=${v.votesFor}/${v.voters}/${v.self}`,
    `n=${nested.join(',')}`,
  ].join(' ')
}
