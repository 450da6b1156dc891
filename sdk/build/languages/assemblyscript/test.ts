// Tests of AssemblyScript services: compiled with the service and run, each in an instance of its own. `inn test` calls this.
//
// Leaves to others: what a test can say (@innkeeper/sdk-assemblyscript, assembly/testing.ts).

import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { writeGenerated } from '../../codegen/write.ts'
import { compileProtos } from '../../descriptors.ts'
import { BuildError } from '../../problem.ts'
import type { Project } from '../../project.ts'
import type { Tested } from '../../tested.ts'
import { assemble, sdkName } from './build.ts'
import { generateAssemblyScript } from './code.ts'

/** All tests of the modules in `test/`. @throws BuildError if they do not compile. */
export async function testAssemblyScript(project: Project): Promise<readonly Tested[]> {
  const folder = join(project.directory, 'test')
  const files = existsSync(folder) ? readdirSync(folder).filter((name) => name.endsWith('.ts')) : []
  if (files.length === 0)
    throw new BuildError([{ file: folder, message: 'has no tests (modules that end in .ts)' }], project.directory)
  const { schema } = await compileProtos(project)
  await writeGenerated(project.gen, generateAssemblyScript(schema, project.files))
  const entry = [
    ...files.sort().map((name) => `import './test/${name.replace(/\.ts$/, '')}'`),
    `export { printLogs, runTest, testCount, testName } from '${sdkName}/assembly/testing'`,
  ].join('\n')
  const module = new WebAssembly.Module(await assemble(project, entry, ['-O1', '--exportRuntime']))
  const { testCount, testName, read } = start(module)
  return Array.from({ length: testCount() }, (_, index) => ({
    name: read(testName(index)),
    ...outcomeOf(module, index),
  }))
}

function outcomeOf(module: WebAssembly.Module, index: number): Omit<Tested, 'name'> {
  const { runTest, printLogs, logs } = start(module)
  try {
    runTest(index)
    return { failure: undefined, logs }
  } catch (error) {
    // What was logged before.
    printLogs()
    return { failure: (error as Error).message, logs }
  }
}

interface Running {
  testCount(): number
  testName(index: number): number
  runTest(index: number): void
  printLogs(): void
  /** What was printed. */
  readonly logs: readonly string[]
  read(pointer: number): string
}

/** The numbers of the contract (wit/types.wit). */
const levels = ['debug', 'info', 'warn', 'error'] as const

function start(module: WebAssembly.Module): Running {
  const abort = (message: number, file: number, line: number, column: number): void => {
    const place = file === 0 ? '' : ` (${read(file).replace(/^.*?assembly\//, '')}:${line}:${column})`
    throw new Error(`${message === 0 ? 'aborted' : read(message)}${place}`)
  }
  const logs: string[] = []
  const print = (level: number, text: number): void => {
    logs.push(`${levels[level]}: ${read(text)}`)
  }
  const outside: Record<string, unknown> = new Proxy(
    { abort, print },
    { get: (own, name) => own[name as 'abort'] ?? (() => refuse(String(name))), has: () => true },
  )
  const imports = WebAssembly.Module.imports(module).map(({ module: from }) => [from, outside] as const)
  const instance = new WebAssembly.Instance(module, Object.fromEntries(imports) as never)
  const { memory, testCount, testName, runTest, printLogs } = instance.exports as Record<string, unknown>
  // A string's length in bytes lies before it.
  const read = (pointer: number): string => {
    const { buffer } = memory as WebAssembly.Memory
    const length = new DataView(buffer).getUint32(pointer - 4, true)
    return Buffer.from(buffer, pointer, length).toString('utf16le')
  }
  return { testCount, testName, runTest, printLogs, logs, read } as Running
}

function refuse(name: string): never {
  throw new Error(`${name} is not available in a service`)
}
