// Runtime: sdk/client as JavaScript and types, which stand beside generated code: Node strips no types under node_modules, and a project's own
// compiler need not agree with ours on how strict it is.

import { readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { isolatedDeclarationSync, transformSync } from 'rolldown/experimental'

const folder = fileURLToPath(new URL('../../client/', import.meta.url))

interface Manifest {
  readonly dependencies: Readonly<Record<string, string>>
  readonly peerDependencies: Readonly<Record<string, string>>
  readonly peerDependenciesMeta: object
}

/** Which packages it imports. */
export function runtimeManifest(): Manifest {
  return JSON.parse(readFileSync(`${folder}package.json`, 'utf8')) as Manifest
}

/** Texts by path. */
export function runtimeCode(): ReadonlyMap<string, string> {
  return new Map(
    readdirSync(folder)
      .filter((name) => name.endsWith('.ts'))
      .sort()
      .flatMap((name) => {
        const source = readFileSync(`${folder}${name}`, 'utf8')
        const options = { target: 'es2022', typescript: { rewriteImportExtensions: true } }
        const [code, types] = [transformSync(name, source, options), isolatedDeclarationSync(name, source)]
        const [error] = [...code.errors, ...types.errors]
        if (error !== undefined) throw new Error(`sdk/client/${name}: ${error.message}`)
        const path = `runtime/${name.replace(/\.ts$/, '')}`
        return [
          [`${path}.js`, code.code],
          [`${path}.d.ts`, types.code.replaceAll(/(from "\.\/\w+)\.ts"/g, '$1.js"')],
        ] as const
      }),
  )
}
