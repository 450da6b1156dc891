// TypeScript, which runs in QuickJS: the usual language.

import type { Language } from '../language.ts'
import { tests } from './test.ts'

const entry = 'src/service.ts'

export const typescript: Language = {
  name: 'typescript',
  title: 'TypeScript',
  short: 'ts',
  endings: ['ts'],
  entry,
  gen: 'src/gen',
  starter: {
    files: async (project) => (await import('./new.ts')).filesOf(entry, project),
    complete: async (root) => (await import('./new.ts')).generateFor(root),
  },
  build: async (...given) => (await import('./build.ts')).buildTypeScript(...given),
  tests,
}
