// Names: which file declares what, and letters.

import type { FileType, Schema } from '../../../host/schema/schema.ts'

/** The file that declares a message, an enum or a service, by full name. */
export type FileOf = (fullName: string) => FileType

export function declaringFiles(schema: Schema): FileOf {
  const files = new Map<string, FileType>()
  for (const file of schema.files.values()) {
    for (const symbol of file.symbols) {
      if (schema.messages.has(symbol) || schema.enums.has(symbol) || schema.services.has(symbol))
        files.set(symbol, file)
    }
  }
  return (fullName) => found(files, fullName)
}

/** @throws Error: what a checked schema names, it has. */
export function found<T>(map: ReadonlyMap<string, T>, fullName: string): T {
  const value = map.get(fullName)
  if (value === undefined) throw new Error(`bug: ${fullName} is in no file of the schema`)
  return value
}

export function lowerFirst(name: string): string {
  return name.charAt(0).toLowerCase() + name.slice(1)
}
