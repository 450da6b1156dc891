// Languages: those that the model services are written in, and whether this machine can build them.

import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { LanguageName } from '../../sdk/build/languages/languages.ts'
import { languageNames } from '../../sdk/build/languages/languages.ts'
import { BuildError } from '../../sdk/build/problem.ts'
import { MissingTool } from '../../sdk/build/toolchain.ts'
import { built } from '../support/components.ts'

export const here = fileURLToPath(new URL('.', import.meta.url))

export const written: readonly LanguageName[] = languageNames.filter((language) => existsSync(join(here, language)))

/** The component, or why there is none: a tool is not here, or the service does not build. */
export async function conformance(
  language: LanguageName,
): Promise<Uint8Array | { readonly missing: string } | { readonly problem: Error }> {
  try {
    return (await built(`test/conformance/${language}`, `conformance-${language}`)).bytes
  } catch (error) {
    if (error instanceof MissingTool) return { missing: error.message }
    if (error instanceof BuildError) return { problem: error }
    throw error
  }
}
