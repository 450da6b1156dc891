// Tests of C services: the project's Makefile runs them.

import { counts } from '../../counted.ts'
import { onPath } from '../../toolchain.ts'
import type { ToolTests } from '../language.ts'

export const tests: ToolTests = {
  command: async () => ({ tool: onPath('make'), args: ['test'] }),
  ran: counts(/^\d+ of (\d+) tests passed$/gm),
}
