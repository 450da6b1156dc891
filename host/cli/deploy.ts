// inn deploy: uploads a component to a running host.

import { readFile } from 'node:fs/promises'
import { adminClient } from './client.ts'
import type { Args, Subcommand } from './command.ts'
import { CommandFailure } from './command.ts'
import { print, printJson, progress, seconds, table } from './print.ts'

export const deployCommand: Subcommand = {
  name: 'deploy',
  usage: 'FILE.wasm [--dry-run] [--force]',
  summary: 'upload a component; every reason at once if it is refused',
  flags: {
    'dry-run': { type: 'boolean', help: 'only say what would happen' },
    force: { type: 'boolean', help: 'override all checks of an upgrade but ownership' },
  },
  words: [1, 1],
  run,
}

async function run(args: Args): Promise<number> {
  const file = args.words[0]!
  const component = await readFile(file).catch((error: Error) => {
    throw new CommandFailure(`${file}: ${error.message}`)
  })
  const query = [args.is('dry-run') ? 'dry-run' : '', args.is('force') ? 'force' : '']
    .filter((part) => part !== '')
    .join('&')
  const started = performance.now()
  const result = await adminClient(args).change('POST', `/v1/components?${query}`, component, (line) => {
    if (line.progress !== undefined) progress(line.progress)
  })
  if (args.is('json')) {
    printJson(result)
    return 0
  }
  const took = seconds(performance.now() - started)
  const what = args.is('dry-run') ? 'would be deployed' : result.unchanged ? 'was already deployed' : 'deployed'
  print(`${file} ${what} as number ${result.deployment} in ${took}.`)
  const rows = result.services.flatMap((service: { name: string; methods?: { name: string; routes: string[] }[] }) =>
    service.methods === undefined
      ? [[`  ${service.name}`]]
      : service.methods.map((method) => [`  ${service.name}/${method.name}`, method.routes.join(', ')]),
  )
  print(table(rows))
  return 0
}
