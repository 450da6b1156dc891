// C, by clang.

import { starterWithSdk } from '../../starter.ts'
import type { Language } from '../language.ts'
import { tests } from './test.ts'

const entry = 'src/service.c'

export const c: Language = {
  name: 'c',
  title: 'C',
  endings: ['c', 'h'],
  entry,
  gen: 'src/gen',
  sign: 'src/service.c',
  starter: starterWithSdk('c', entry),
  build: async (...given) => (await import('./build.ts')).buildC(...given),
  tests,
}
