// Everything: the TypeScript codec of the conformance suite's widest message, which the codecs of other languages are compared with.

import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { writeGenerated } from '../../sdk/build/codegen/write.ts'
import { compileProtos } from '../../sdk/build/descriptors.ts'
import { generate } from '../../sdk/build/languages/typescript/code.ts'
import { readProject } from '../../sdk/build/read-project.ts'
import type { MessageType } from '../../sdk/typescript/codec/message.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))

/** `by`: who asks; each has a folder of its own, since test files run at once. */
export async function typeScriptEverything(by: string): Promise<MessageType<object>> {
  const { schema } = await compileProtos(readProject(join(root, 'test/conformance/typescript')))
  const folder = join(root, 'test/fixtures/gen', by, 'conformance')
  await writeGenerated(folder, generate(schema, ['conformance.proto']))
  const module = (await import(pathToFileURL(join(folder, 'conformance.ts')).href)) as {
    Everything: MessageType<object>
  }
  return module.Everything
}

/** What the bytes are once read and written, in hexadecimal; `!` if they are no such message. */
export function written(type: MessageType<object>, input: Uint8Array): string {
  let message: object
  try {
    message = type.decode(input)
  } catch {
    return '!'
  }
  // A Map keeps the order in which it was made; the other languages write keys ascending.
  const ordered = Object.entries(message).map(([name, value]) => [
    name,
    value instanceof Map ? ascending(value) : value,
  ])
  return Buffer.from(type.encode(Object.fromEntries(ordered))).toString('hex')
}

function ascending(map: ReadonlyMap<string | number | bigint | boolean, unknown>): object {
  return new Map(
    [...map].sort(([a], [b]) => {
      if (typeof a === 'string') return Buffer.compare(Buffer.from(a), Buffer.from(b as string))
      return a < b ? -1 : a > b ? 1 : 0
    }),
  )
}
