// inn new: a project that builds and passes its own test as it is.

import { kinds } from '../build/kinds.ts'
import { newProject } from '../build/new.ts'
import { BuildError } from '../build/problem.ts'
import { languages } from '../build/project.ts'
import type { Args, Subcommand } from './command.ts'
import { CommandFailure } from './command.ts'
import { print, printJson } from './print.ts'

export const newCommand: Subcommand = {
  flags: {
    lang: { type: 'string', help: `language: ${languages.join(', ')} (default typescript)` },
    kind: {
      type: 'string',
      help: `state model: ${kinds.join(', ')} (default event-sourced, the only one in languages but TypeScript)`,
    },
  },
  words: [1, 1],
  run,
}

async function run(args: Args): Promise<number> {
  const name = args.words[0]!
  const [lang, kind] = [args.text('lang'), args.text('kind')]
  try {
    const files = await newProject(name, {
      ...(lang === undefined ? {} : { lang }),
      ...(kind === undefined ? {} : { kind }),
    })
    if (args.is('json')) printJson({ directory: name, files })
    else
      print(`${name} has ${files.length} files. Next:\n  cd ${name}\n${steps(lang)}  inn build && inn up build/*.wasm`)
    return 0
  } catch (error) {
    if (error instanceof BuildError) throw new CommandFailure(error.message)
    throw error
  }
}

function steps(lang = 'typescript'): string {
  return ['ts', 'typescript'].includes(lang) ? '  npm install\n  npm test\n' : '  inn test\n'
}
