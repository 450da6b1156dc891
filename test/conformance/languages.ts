// Languages: those that the model services are written in, and whether this machine can build them.

import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Language } from '../../host/build/project.ts'
import { languages } from '../../host/build/project.ts'
import { MissingTool } from '../../host/build/toolchain.ts'
import { built } from '../support/components.ts'

export const here = fileURLToPath(new URL('.', import.meta.url))

export const written: readonly Language[] = languages.filter((language) => existsSync(join(here, language)))

/** The component, or why there is none. */
export async function conformance(language: Language): Promise<Uint8Array | { readonly missing: string }> {
  try {
    return (await built(`test/conformance/${language}`, `conformance-${language}`)).bytes
  } catch (error) {
    if (error instanceof MissingTool) return { missing: error.message }
    throw error
  }
}
