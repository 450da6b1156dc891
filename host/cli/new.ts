// inn new: a project that builds and passes its own test as it is.

import { kinds } from '../../sdk/build/kinds.ts'
import { languageNamed, languageNames, usual } from '../../sdk/build/languages/languages.ts'
import { newProject, titlesWith } from '../../sdk/build/new.ts'
import { BuildError } from '../../sdk/build/problem.ts'
import type { Args, Subcommand } from './command.ts'
import { CommandFailure } from './command.ts'
import { print, printJson } from './print.ts'

export const newCommand: Subcommand = {
  flags: {
    lang: { type: 'string', help: `language: ${languageNames.join(', ')} (default ${usual.name})` },
    kind: {
      type: 'string',
      help: `state model: ${kinds.join(', ')} (default event-sourced; the others exist only for ${titlesWith('value').join(', ')})`,
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
      const steps = [`cd ${name}`, ...languageNamed(lang)!.starter.next, 'inn build && inn up build/*.wasm']
      print(`${name} has ${files.length} files. Next:\n${steps.map((step) => `  ${step}`).join('\n')}`)
    }
    return 0
  } catch (error) {
    if (error instanceof BuildError) throw new CommandFailure(error.message)
    throw error
  }
}
