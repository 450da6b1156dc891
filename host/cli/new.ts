// inn new: a project that builds and passes its own test as it is.

import { kinds } from '../../sdk/build/kinds.ts'
import { languageNames, usual } from '../../sdk/build/languages/languages.ts'
import { newProject } from '../../sdk/build/new.ts'
import { BuildError } from '../../sdk/build/problem.ts'
import type { Args, Subcommand } from './command.ts'
import { CommandFailure } from './command.ts'
import { print, printJson } from './print.ts'

export const newCommand: Subcommand = {
  flags: {
    lang: { type: 'string', help: `language: ${languageNames.join(', ')} (default ${usual.name})` },
    kind: {
      type: 'string',
      help: `state model: ${kinds.join(', ')} (default event-sourced)`,
    },
  },
  words: [1, 1],
  run,
}

async function run(args: Args): Promise<number> {
  const name = args.words[0]!
  const [lang = usual.name, kind] = [args.text('lang'), args.text('kind')]
  try {
    const files = await newProject(name, { lang, ...(kind === undefined ? {} : { kind }) })
    if (args.is('json')) printJson({ directory: name, files })
    else {
      const steps = [`cd ${name}`, 'npm install', 'npm test', 'npm run dev']
      const list = steps.map((step) => `  ${step}`).join('\n')
      print(`${name} has ${files.length} files. Next:\n${list}\n${name}/README.md shows how to call the service then.`)
    }
    return 0
  } catch (error) {
    if (error instanceof BuildError) throw new CommandFailure(error.message)
    throw error
  }
}
