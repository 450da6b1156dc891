// Actions: the model service of what has no state.
import type { CallContext, Refused, RefusedWithEffects } from '@innkeeper/sdk'
import { accept, action, bidi, call, clientStream, emit, end, keep, serverStream } from '@innkeeper/sdk'
import type { Script } from './gen/conformance.ts'
import { Actions, Events, Everything } from './gen/conformance.ts'
import { perform, refusalOf, withAll } from './script.ts'

const showing = { state: () => '-' }

export default action(Actions, {
  methods: {
    do: (script, context) => {
      const done = performed(script, context)
      const { refusal, forward } = done
      if (refusal !== undefined) {
        // An action's refusal keeps its effects.
        let refused: Refused | RefusedWithEffects = refusal
        // Each word makes another refusal.
        const words = {
          effect: (...given: Parameters<Refused['effect']>) => (refused = refused.effect(...given)),
          after: (...given: Parameters<Refused['after']>) => (refused = refused.after(...given)),
          at: (...given: Parameters<Refused['at']>) => (refused = refused.at(...given)),
          metadata: () => undefined,
        }
        withAll(words, { ...done, headers: [] })
        return refused
      }
      const accepted = withAll(accept(), done)
      return forward === undefined ? accepted.reply(done.said(undefined)) : accepted.forward(forward)
    },
    echo: (request) => accept().reply(request),
    table: () => {
      const strings = new Map(Array.from({ length: 20 }, (_, i) => [`k${String(i).padStart(2, '0')}`, i + 1]))
      return accept().reply(Everything({ fDouble: Number.NaN, fFloat: Number.NaN, strings }))
    },
    count: serverStream({
      start: (script: Script) => ({ said: 0, script }),
      next: ({ said, script }, moment) => {
        const upTo = Math.min(script.count, 1000, said + Math.max(1, script.chunk))
        const texts = Array.from({ length: upTo - said }, (_, i) => ({ text: String(said + i + 1) }))
        const step = upTo < Math.min(script.count, 1000) ? emit(...texts).keep({ said: upTo, script }) : end(...texts)
        if (said === 0) {
          const context = { ...moment, metadata: noMetadata }
          withAll(step, { ...performed(script, context), headers: [] })
        }
        return step
      },
    }),
    join: clientStream({
      start: () => ({ texts: [] as string[] }),
      item: ({ texts }, script) => {
        const refusal = refusalIn(script)
        return refusal ?? keep({ texts: [...texts, ...sayings(script)] })
      },
      end: ({ texts }) => accept().reply({ text: texts.join(',') }),
    }),
    chat: bidi({
      item: (_, script) => {
        const refusal = refusalIn(script)
        if (refusal !== undefined) return refusal
        const texts = sayings(script)
        const said = texts.length > 0 ? [{ text: texts.join(',') }] : []
        return script.acts.some(({ act }) => act?.case === 'clear') ? end(...said) : emit(...said)
      },
      end: () => end({ text: 'bye' }),
      cancelled: () => accept().effect(call(Events, 'do', left)),
    }),
  },
})

const noMetadata = { entries: [], get: () => undefined, getBytes: () => undefined }

const left: Script = {
  id: 'left',
  acts: [{ act: { case: 'note', value: 'left' } }],
  element: '',
  look: [],
  count: 0,
  chunk: 0,
}

function performed(script: Script, context: CallContext) {
  return perform<undefined>(script, '-', context, showing, () => {}, 'when')
}

function sayings({ acts }: Script): readonly string[] {
  return acts.flatMap(({ act }) => (act?.case === 'say' ? [act.value] : []))
}

/** The last refusal, without anything else that was asked. */
function refusalIn({ acts }: Script) {
  return acts.flatMap(({ act }) => (act?.case === 'refuse' ? [refusalOf(act.value)] : [])).at(-1)
}
