// Members: the model service of what a method sees of a replicated value, and of its streams.
import type { Context, Operation, ViewOf } from '@innkeeper/sdk'
import { accept, dynamic, element, emit, end, orSet, refuse, remove, replicated, text } from '@innkeeper/sdk'
import type { Script } from './gen/conformance.ts'
import { Members } from './gen/conformance.ts'
import { heard, perform, withAll } from './script.ts'

export const set = orSet(text)
type View = ViewOf<typeof set>

/** What a method sees: all, or the elements that were looked up. `has`: whether the request's element is known. */
interface Sight {
  readonly elements: 'all' | readonly string[]
  readonly has: boolean
}

const everything: Sight = { elements: 'all', has: true }

function performed(view: View, script: Script, context: Context, { elements, has }: Sight, streams = false) {
  const operations: Operation[] = []
  let deleted = false
  const showing = {
    state: (after: View) => (elements === 'all' ? shown(after) : shown(elements.filter((one) => after.has(one)))),
    size: () => String(view.size),
    has: () => (has ? String(view.has(script.element)) : '-'),
  }
  const done = perform<View>(
    script,
    context.entity,
    context,
    showing,
    (act) => {
      if (act.case === 'note') operations.push(view.add(act.value))
      if (act.case === 'drop') operations.push(view.remove(act.value))
      if (act.case === 'clear') operations.push(view.clear())
      if (act.case === 'delete') deleted = true
    },
    streams ? 'when' : 'all',
  )
  return { ...done, operations, deleted, said: (after: View) => done.said(after) }
}

function answer(view: View, script: Script, context: Context, sight: Sight) {
  const done = performed(view, script, context, sight)
  if (done.refusal !== undefined) return done.refusal
  const { later } = done
  return later === undefined ? answerOnce(done) : changed(done).later(later.ticket, later.options)
}

type Done = ReturnType<typeof performed>

function changed(done: Done) {
  const { deleted, operations } = done
  return withAll(deleted ? remove(...operations) : accept(...operations), done)
}

function answerOnce(done: Done) {
  const { forward, said } = done
  const accepted = changed(done)
  return forward === undefined ? accepted.reply(said) : accepted.forward(forward)
}

export default replicated(Members, {
  value: set,
  decide: {
    do: (view, script, context) => answer(view, script, context, everything),
    blind: (view, script, context) => answer(view, script, context, { elements: [], has: false }),
    one: (view, script, context) => answer(view, script, context, { elements: [script.element], has: true }),
    some: (view, script, context) => answer(view, script, context, { elements: sorted(script.look), has: false }),
    open: (view, script, context) => {
      const done = performed(view, script, context, everything, true)
      if (done.refusal !== undefined) return done.refusal
      if (done.deleted || done.forward !== undefined) return answerOnce(done)
      return withAll(accept(...done.operations), done).stream(done.said)
    },
    heard: (view, answered) => {
      const text = heard(answered)
      return accept(view.add(text)).reply({ text })
    },
  },
  views: {
    blind: 'nothing',
    one: element('element'),
    some: dynamic(({ look }: Script) => look),
  },
  streams: {
    open: {
      changed: (view) => {
        if (view.has('bad')) return refuse('FAILED_PRECONDITION', 'bad')
        return view.has('end') ? end({ text: shown(view) }) : emit({ text: shown(view) })
      },
      cancelled: (view) => accept(view.add('left')),
    },
  },
})

function shown(elements: Iterable<string>): string {
  return [...elements].join(',') || '-'
}

/** Each once, in the order of their bytes: that of their code points. */
function sorted(look: readonly string[]): readonly string[] {
  const points = (text: string): readonly number[] => Array.from(text, (character) => character.codePointAt(0)!)
  const order = (one: string, other: string): number => {
    const [a, b] = [points(one), points(other)]
    const differ = a.findIndex((point, index) => point !== b[index])
    return differ === -1 ? a.length - b.length : a[differ]! - (b[differ] ?? -1)
  }
  return [...new Set(look)].sort(order)
}
