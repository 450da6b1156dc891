// Members: the model service of what a method sees of a replicated value, and of its streams.
import type { Context, Operation, ViewOf } from '@innkeeper/sdk'
import { accept, dynamic, element, emit, end, orSet, refuse, remove, replicated, text } from '@innkeeper/sdk'
import type { Script } from './gen/conformance.ts'
import { Members } from './gen/conformance.ts'
import { perform, withAll } from './script.ts'

const set = orSet(text)
type View = ViewOf<typeof set>

function performed(view: View, script: Script, context: Context, sees: boolean) {
  const operations: Operation[] = []
  let deleted = false
  const showing = {
    state: shown,
    size: () => String(view.size),
    has: () => (sees ? String(view.has(script.element)) : '-'),
  }
  const done = perform<View>(script, context.entity, context, showing, (act) => {
    if (act.case === 'note') operations.push(view.add(act.value))
    if (act.case === 'drop') operations.push(view.remove(act.value))
    if (act.case === 'clear') operations.push(view.clear())
    if (act.case === 'delete') deleted = true
  })
  return { ...done, operations, deleted, said: (after: View) => done.said(after) }
}

function answer(view: View, script: Script, context: Context, sees = true) {
  const done = performed(view, script, context, sees)
  if (done.refusal !== undefined) return done.refusal
  const { forward, said } = done
  if (done.deleted) {
    const removed = withAll(remove(), done)
    return forward === undefined ? removed.reply(said) : removed.forward(forward)
  }
  const accepted = withAll(accept(...done.operations), done)
  return forward === undefined ? accepted.reply(said) : accepted.forward(forward)
}

export default replicated(Members, {
  value: set,
  decide: {
    do: (view, script, context) => answer(view, script, context),
    blind: (view, script, context) => answer(view, script, context, false),
    one: (view, script, context) => answer(view, script, context),
    some: (view, script, context) => answer(view, script, context, false),
    open: (view, script, context) => {
      const done = performed(view, script, context, true)
      if (done.refusal !== undefined || done.deleted || done.forward !== undefined) return answer(view, script, context)
      return withAll(accept(...done.operations), done).stream(done.said)
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

function shown(view: View): string {
  return [...view].join(',') || '-'
}
