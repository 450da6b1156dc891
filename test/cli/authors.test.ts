// Guards the installation of a server: a command of authors says in one sentence what it lacks, and loads nothing.

import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { forAuthors } from '../../host/cli/authors.ts'
import type { Subcommand } from '../../host/cli/command.ts'
import { CommandFailure } from '../../host/cli/command.ts'
import { temporary } from '../support/host.ts'

const command: Subcommand = { flags: {}, words: [0, 0], run: async () => 0 }

const Authors = suite('authors')

Authors('in a checkout the tools are there', async () => {
  assert.is(await forAuthors(async () => command), command)
})

Authors('what is missing is named, with what to install, and nothing is loaded', async () => {
  const file = join(temporary().path, 'package.json')
  const refusal = async (): Promise<string> => {
    try {
      await forAuthors(() => assert.unreachable() as never, pathToFileURL(file))
    } catch (error) {
      assert.instance(error, CommandFailure)
      return (error as Error).message
    }
    return assert.unreachable() as never
  }
  const sentence = (missing: string): string =>
    `this installation has no build tools, as on a server (missing: ${missing}); install them with \`npm ci\` in a checkout of Innkeeper`
  assert.is(await refusal(), sentence('sdk/build'))
  writeFileSync(file, '{ "dependencies": { "no-such-compiler": "1", "@none/such": "1" } }')
  assert.is(await refusal(), sentence('no-such-compiler, @none/such'))
})

Authors.run()
