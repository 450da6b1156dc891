// AssemblyScript: its SDK comes with the compiler.

import { plainStarter } from '../../starter.ts'
import type { Language } from '../language.ts'

const entry = 'assembly/index.ts'

export const assemblyscript: Language = {
  name: 'assemblyscript',
  title: 'AssemblyScript',
  short: 'as',
  endings: ['ts'],
  entry,
  gen: 'assembly/gen',
  sign: 'assembly',
  starter: plainStarter('assemblyscript', entry),
  build: async (...given) => (await import('./build.ts')).buildAssemblyScript(...given),
  tests: { all: async (project) => (await import('./test.ts')).testAssemblyScript(project) },
}
