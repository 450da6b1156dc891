// Rust, by cargo.

import { starterWithSdk } from '../../starter.ts'
import type { Language } from '../language.ts'
import { tests } from './test.ts'

const entry = 'src/lib.rs'

export const rust: Language = {
  name: 'rust',
  title: 'Rust',
  endings: ['rs', 'toml'],
  entry,
  gen: 'src/gen',
  sign: 'Cargo.toml',
  starter: starterWithSdk('rust', entry),
  build: async (...given) => (await import('./build.ts')).buildRust(...given),
  tests,
}
