// Tests of C services: the project's Makefile runs them.

import { counts } from '../../counted.ts'
import { onPath } from '../../toolchain.ts'
import type { ToolTests } from '../language.ts'

const anyPassed = counts(/^\d+ of (\d+) tests passed$/gm)
/** What make says where it runs nothing: a file or folder with the target's name is there, and the target is not `.PHONY`. */
const idle = /^make: (?:Nothing to be done for .test.|.test. is up to date)\.$/m

export const tests: ToolTests = {
  command: async () => ({ tool: onPath('make'), args: ['test'] }),
  ran: (output) => anyPassed(output) && !idle.test(output),
}
