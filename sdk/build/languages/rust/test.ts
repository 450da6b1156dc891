// Tests of Rust services: cargo runs them.

import { counts } from '../../counted.ts'
import type { ToolTests } from '../language.ts'

export const tests: ToolTests = {
  command: async () => {
    const { cargoHome, findRust } = await import('./build.ts')
    return { tool: await findRust(), args: ['test'], folders: [cargoHome()] }
  },
  ran: counts(/^test result: \w+\. (\d+) passed/gm),
}
