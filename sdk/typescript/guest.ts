// What the entry module that the build writes imports. Not for authors.

import './guest/prelude.ts'
import './guest/words.ts'

export { component } from './guest/component.ts'
