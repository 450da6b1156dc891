// Tests of Go services: the go command runs them.

import type { ToolTests } from '../language.ts'

export const tests: ToolTests = {
  command: async () => ({ tool: (await import('./build.ts')).findGo(), args: ['test', './...'] }),
  // A package has `[no test files]`, or its tests have none that was asked for. What failed is a FAIL.
  ran: (output) => /^(?:ok|FAIL|---)\s(?!.*\[no tests to run\]$)/m.test(output),
}
