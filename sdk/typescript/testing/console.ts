// Console: what a service logs while a test runs it, printed once, by the console of the runner.
//
// C1. A kit decides each command several times, to check the laws. Meanwhile `console` is that of a component: lines go with the
//     outcome, and those of the outcome that a test looks at are printed.
// C2. What was logged before a throw has no outcome; it is printed as the throw goes by.

import { guestConsole } from '../guest/console.ts'
import { takeLogs } from '../guest/logs.ts'
import type { WireLogLine } from '../guest/wire.ts'

/** Makes what `make` makes, with functions that log as in a component. */
export function heard<Definitions, Exports extends object>(
  make: (definitions: Definitions) => Exports,
): (definitions: Definitions) => Exports {
  return (definitions) => {
    const entries = Object.entries(make(definitions) as Readonly<Record<string, Run>>)
    return Object.fromEntries(entries.map(([name, run]) => [name, hearing(run)])) as Exports
  }
}

type Run = (...args: readonly unknown[]) => unknown

function hearing(run: Run): Run {
  return (...args) => {
    const before = Object.getOwnPropertyDescriptor(globalThis, 'console')!
    takeLogs()
    Object.defineProperty(globalThis, 'console', { value: guestConsole, configurable: true })
    let lost: readonly WireLogLine[] = []
    try {
      return run(...args)
    } catch (thrown) {
      lost = takeLogs()
      throw thrown
    } finally {
      Object.defineProperty(globalThis, 'console', before)
      printLogs(lost)
    }
  }
}

export function printLogs(logs: readonly WireLogLine[]): void {
  for (const { level, text } of logs) console[level](text)
}
