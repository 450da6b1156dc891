// Lending: how the author's code is given values that the SDK goes on using, and what becomes of a change that it makes in one.
//
// N1. First it is given frozen values (../frozen.ts). So a change throws, and reaches no state.
// N2. Code that throws on frozen values runs once more, with copies of its own; what it leaves in those is thrown away. So the
//     state that is served stays the fold of its events (law L2), and the command is answered. It says so in the log, with the
//     law's name, which makes `inn check` fail.
// N3. Code that throws on copies, too, has failed: its second error is told.

import { deepFreeze, lent, startOver } from '../frozen.ts'
import type { Codec } from '../state.ts'
import { log, takeLogs } from './logs.ts'

type Bytes<T> = Pick<Codec<T>, 'encode' | 'decode'>

export interface Lending {
  /** What the author's code gets of a value that is kept. */
  lend<T>(codec: Bytes<T>, value: T): T
  /** What is kept of a value that the author's code gave. */
  keep<T>(codec: Bytes<T>, value: T): T
}

const frozen: Lending = {
  lend: (_codec, value) => {
    startOver()
    return lent(deepFreeze(value))
  },
  keep: (_codec, value) => {
    startOver()
    return deepFreeze(value)
  },
}

const copies: Lending = {
  lend: copy,
  keep: (codec, value) => deepFreeze(copy(codec, value)),
}

function copy<T>(codec: Bytes<T>, value: T): T {
  return value === undefined ? value : codec.decode(codec.encode(value))
}

/** The answer of the author's code. `name` is what runs: `Counter/Add`. @throws its error */
export function lending<Answer>(name: string, run: (lending: Lending) => Answer): Answer {
  try {
    return run(frozen)
  } catch {
    takeLogs()
    return again(name, run)
  }
}

/** With the warning first, so that the answer takes it; if there is none, only the lines of the author's code are left. */
function again<Answer>(name: string, run: (lending: Lending) => Answer): Answer {
  const warning = `L2: ${name} changes a value that it is given. It ran again on a copy: return a new value instead.`
  log('warn', warning)
  try {
    return run(copies)
  } catch (error) {
    for (const { level, text } of takeLogs()) if (text !== warning) log(level, text)
    throw error
  }
}
