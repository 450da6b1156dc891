// Builds guests to guests/build/<service>-<language>.wasm: all that this machine can, or those named as arguments.
//
//   npm run guests                          all
//   npm run guests -- counter/typescript    one

import { existsSync, readdirSync } from 'node:fs'
import { join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { buildProject } from '../sdk/build/build.ts'
import { languageNames } from '../sdk/build/languages/languages.ts'
import { BuildError } from '../sdk/build/problem.ts'
import { MissingTool } from '../sdk/build/toolchain.ts'

const here = fileURLToPath(new URL('.', import.meta.url))
const services = ['counter', 'cart', 'profile', 'presence', 'orders', 'booking', 'sales', 'shop']

const isLanguage = (name: string) => languageNames.some((language) => language === name)

/** `service/language` of every guest that has a folder. */
function allGuests(): readonly string[] {
  return services.flatMap((service) => {
    const folder = join(here, service)
    // Beside its languages the shop has a provider and a page.
    const languages = existsSync(folder) ? readdirSync(folder).filter((name) => isLanguage(name)) : []
    return languages.map((language) => `${service}/${language}`)
  })
}

let failed = false
const named = process.argv.slice(2)
for (const guest of named.length > 0 ? named : allGuests()) {
  const directory = join(here, guest)
  if (!existsSync(directory)) {
    console.error(`${guest}: there is no such guest; there are ${allGuests().join(', ')}`)
    failed = true
    continue
  }
  try {
    const out = join(here, 'build', `${guest.replace('/', '-')}.wasm`)
    const { file, bytes, steps } = await buildProject(directory, { out })
    const times = steps.map(({ step, ms }) => `${step} ${ms}`).join(', ')
    console.log(`${guest}: ${relative(process.cwd(), file)}, ${(bytes / 1024).toFixed(0)} KiB (${times} ms)`)
  } catch (error) {
    if (error instanceof MissingTool && named.length === 0) {
      console.log(`${guest}: skipped: ${error.message}`)
      continue
    }
    console.error(`${guest}: not built`)
    console.error(error instanceof BuildError ? error.message : error)
    failed = true
  }
}
process.exit(failed ? 1 : 0)
