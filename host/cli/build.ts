// inn build: a project becomes a component.

import { relative } from 'node:path'
import { buildProject } from '../../sdk/build/build.ts'
import { BuildError } from '../../sdk/build/problem.ts'
import type { Args, Subcommand } from './command.ts'
import { bytes, print, printJson, progress, seconds } from './print.ts'

export const buildCommand: Subcommand = {
  flags: {
    out: {
      type: 'string',
      short: 'o',
      help: 'file to write the component to (default build/NAME.wasm in the project)',
    },
  },
  words: [0, 1],
  run,
}

async function run(args: Args): Promise<number> {
  const out = args.text('out')
  try {
    const result = await buildProject(args.words[0] ?? '.', {
      ...(out === undefined ? {} : { out }),
      onProgress: ({ step, ms }) => {
        if (ms !== undefined) progress(`${step} ${seconds(ms)}`)
      },
    })
    for (const warning of result.warnings) progress(`warning: ${warning}`)
    if (args.is('json')) printJson(result)
    else {
      const total = result.steps.reduce((sum, { ms }) => sum + ms, 0)
      print(
        `${relative(process.cwd(), result.file)}: ${bytes(result.bytes)} in ${seconds(total)}, serving ${result.services.join(', ')}`,
      )
      if (result.connectors.length > 0) print(`served by the outside world: ${result.connectors.join(', ')}`)
      if (result.others.length > 0)
        print(
          `only in the .proto files, not in the component: ${result.others.join(', ')} (another component serves it or, with \`option (innkeeper.connector)\`, the outside world)`,
        )
    }
    return 0
  } catch (error) {
    if (!(error instanceof BuildError)) throw error
    process.stderr.write(`${error.message}\n`)
    return 1
  }
}
