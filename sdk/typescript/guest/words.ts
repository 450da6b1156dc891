// Words: what the engine asks JavaScript for. Given before the author's module runs, which freezes its first states.

import { MalformedError } from '../codec/errors.ts'
import { unfitText } from '../codec/unfit.ts'
import { CommandMetadata } from '../context.ts'
import { checkedEntry } from '../decision.ts'
import { asked, cancelled, deferred, effectAfter, effectAt, effectOf, resolution } from '../effect.ts'
import { native } from '../engine/modules/native.ts'
import { wordsOfFault } from './fault.ts'
import { frozenMapPrototype, frozenSetPrototype } from './frozen-collections.ts'

const halfPair = 'a string has half of a surrogate pair, which UTF-8 cannot carry'

native.words({
  fault: wordsOfFault,
  unfit: (type, value) => (type === '' ? halfPair : unfitText(type, value)),
  metadata: (entries) => new CommandMetadata(entries),
  entry: checkedEntry,
  malformed: MalformedError,
  answers: {
    effect: effectOf,
    after: effectAfter,
    at: effectAt,
    ask: asked,
    cancel: cancelled,
    resolve: resolution,
    later: deferred,
  },
  frozenMap: frozenMapPrototype,
  frozenSet: frozenSetPrototype,
})
