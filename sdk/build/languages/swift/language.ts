// Embedded Swift, by swiftc.

import { starterWithSdk } from '../../starter.ts'
import type { Language } from '../language.ts'

const entry = 'Sources/Service/Service.swift'

export const swift: Language = {
  name: 'swift',
  title: 'Swift',
  endings: ['swift'],
  entry,
  gen: 'Sources/Service/gen',
  sign: 'Package.swift',
  starter: starterWithSdk('swift', entry),
  build: async (...given) => (await import('./build.ts')).buildSwift(...given),
  tests: { all: async (project) => (await import('./test.ts')).testSwift(project) },
}
