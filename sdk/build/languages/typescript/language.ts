// TypeScript, which runs in QuickJS: the usual language.

import { kinds } from '../../kinds.ts'
import type { Language } from '../language.ts'
import { tests } from './test.ts'

export const typescript: Language = {
  name: 'typescript',
  title: 'TypeScript',
  short: 'ts',
  endings: ['ts'],
  entry: 'src/service.ts',
  gen: 'src/gen',
  starter: {
    kinds,
    files: async (project) => (await import('./new.ts')).filesOf(project),
    complete: async (root) => (await import('./new.ts')).generateFor(root),
    next: ['npm install', 'npm test'],
  },
  build: async (...given) => (await import('./build.ts')).buildTypeScript(...given),
  tests,
}
