// Go, by the go command.

import { starterWithSdk } from '../../starter.ts'
import type { Language } from '../language.ts'
import { tests } from './test.ts'

const entry = 'service.go'

export const go: Language = {
  name: 'go',
  title: 'Go',
  endings: ['go', 'mod'],
  entry,
  gen: 'gen',
  sign: 'go.mod',
  starter: starterWithSdk('go', entry),
  build: async (...given) => (await import('./build.ts')).buildGo(...given),
  tests,
}
