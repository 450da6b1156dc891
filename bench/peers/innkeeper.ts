// Innkeeper as a peer, once for each language: the counter of guests/counter, built anew, on a host with its defaults.

import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { buildProject } from '../../sdk/build/build.ts'
import { MissingTool } from '../../sdk/build/toolchain.ts'
import type { Missing, Peer, Running } from './peer.ts'
import { Server } from './processes.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))
const names = { typescript: 'TypeScript', assemblyscript: 'AssemblyScript', rust: 'Rust', go: 'Go' } as const

export type Language = keyof typeof names
export const languages = Object.keys(names) as readonly Language[]

/** `folder`: for the components. */
export async function innkeeper(language: Language, folder: string): Promise<Peer | Missing> {
  const name = `Innkeeper, ${names[language]}`
  const components = [join(folder, `counter-${language}.wasm`)]
  try {
    await buildProject(join(root, 'guests/counter', language), { out: components[0]! })
  } catch (error) {
    if (error instanceof MissingTool) return { name, why: error.message }
    throw error
  }
  if (language === 'typescript') {
    components.push(join(folder, 'notes.wasm'))
    await buildProject(join(root, 'bench/guests/notes'), { out: components[1]! })
  }
  return {
    name,
    role: 'own',
    version: 'this checkout',
    durability: 'one synced RocksDB batch for all entities that decided in a turn of the loop',
    asking: {
      counter: { write: '/counter/KEY/add', read: { method: 'GET', path: '/counter/KEY' } },
      ...(language === 'typescript'
        ? { notes: { write: '/notes/KEY/put', read: { method: 'GET', path: '/notes/KEY' } } as const }
        : {}),
    },
    pipelined: true,
    start: (directory) => up(directory, components),
    startAgain: (directory) => up(directory, []),
  }
}

async function up(directory: string, components: readonly string[]): Promise<Running> {
  const ports = ['--listen', '127.0.0.1:0', '--admin', '127.0.0.1:0']
  const keeper = new Server(
    process.execPath,
    [
      '--disable-warning=ExperimentalWarning',
      ...['host/bin/inn.mjs', 'up', '--data', directory, ...ports, '--log-level', 'warn', '--json', ...components],
    ],
    { cwd: root },
  )
  const { listen } = (await keeper.ready()) as { listen: string }
  return { port: Number(listen.split(':')[1]), servers: [keeper], keeper }
}
