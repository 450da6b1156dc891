// Console: what `console` is in a component, and in the test kit while a service runs: words become lines of the host's log.
//
// K1. No member keeps anything between calls or asks for the time: `console.count`, `console.time` and their like are forbidden
//     (forbidden.ts).

import { formatted, inspect } from './inspect.ts'
import { log } from './logs.ts'
import type { WireLevel } from './wire.ts'

function at(level: WireLevel): (...values: readonly unknown[]) => void {
  return (...values) => log(level, formatted(values))
}

export const guestConsole: Console = {
  trace: at('debug'),
  debug: at('debug'),
  log: at('info'),
  info: at('info'),
  dir: (value) => log('info', inspect(value)),
  warn: at('warn'),
  error: at('error'),
  assert: (condition, ...values) => {
    if (!condition) log('error', ['Assertion failed', ...(values.length === 0 ? [] : [formatted(values)])].join(': '))
  },
} as Console
