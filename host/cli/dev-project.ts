// Dev project: a project that `inn up --dev` serves while its author writes it.
//
// D1. It is built and deployed once, and again after each change of its sources: one build at a time, and what changes meanwhile is in the next.
// D2. A build that fails and a version that is refused change nothing: the version before serves on, with its data. Why is printed, in short.
// D3. It ends when it is told to, whatever a build is doing.
//
// Leaves to others: what a source is (sources.ts), the build (dev-build.ts), what a host says of a version (deploying.ts).

import { fork } from 'node:child_process'
import { getCompileCacheDir } from 'node:module'
import { basename, dirname, relative, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { BuildError } from '../../sdk/build/problem.ts'
import { readProject } from '../../sdk/build/read-project.ts'
import type { SupervisedHost } from '../supervisor/supervisor.ts'
import { CommandFailure } from './command.ts'
import { deploy } from './deploying.ts'
import type { DevBuilt } from './dev-build.ts'
import { readNamed } from './files.ts'
import { print, progress, seconds } from './print.ts'
import { Sources } from './sources.ts'

const script = fileURLToPath(new URL('./dev-build.ts', import.meta.url))
/** The first ones matter: they often cause the others. */
const problemsMax = 5

type Host = Pick<SupervisedHost, 'deploy'>

interface DevOptions {
  /** Folders that are no sources, such as the host's data. */
  readonly except: readonly string[]
  /** Ends it. */
  readonly signal: AbortSignal
}

export class DevProject {
  private readonly directory: string
  private readonly name: string
  private readonly options: DevOptions
  private sources: Sources | undefined
  /** Of the sources as they were when the last build began. */
  private state = ''
  private routes = ''

  /** @throws CommandFailure where there is no project */
  constructor(directory: string, options: DevOptions) {
    this.directory = resolve(directory)
    this.name = basename(this.directory)
    this.options = options
    options.signal.addEventListener('abort', () => this.sources?.close())
    try {
      readProject(directory)
    } catch (error) {
      if (error instanceof BuildError) throw new CommandFailure(`${directory} is no project: ${error.message}`)
      throw error
    }
  }

  /** Builds and deploys it as it is now. */
  async round(host: Host): Promise<void> {
    if (this.options.signal.aborted) return
    this.look()
    this.state = this.sources!.state()
    progress(`building ${this.name}`)
    const started = performance.now()
    const built = await this.build()
    if (built === undefined) return
    if ('problems' in built) {
      const left = built.problems.length - problemsMax
      const more = left > 0 ? [`and ${left} more; \`inn build\` prints all`] : []
      const last = `${this.name} was not built; what was served before is served on. Mend it and save.`
      process.stderr.write([...built.problems.slice(0, problemsMax), ...more, last, ''].join('\n'))
      return
    }
    for (const warning of built.warnings) progress(`warning: ${warning}`)
    await this.serve(host, built.file, started)
  }

  /** Until the signal. */
  async follow(host: Host): Promise<void> {
    const { signal } = this.options
    while (!signal.aborted) {
      await this.sources!.changedSince(this.state)
      if (!signal.aborted) await this.round(host)
    }
  }

  private async serve(host: Host, file: string, started: number): Promise<void> {
    const component = { name: relative(process.cwd(), file), bytes: await readNamed(file) }
    const result = await deploy(host, component, () => {})
    if (!result.ok) {
      const last = `${this.name} was built, and is not deployed; what was served before is served on.`
      process.stderr.write([...result.reasons.map((reason) => `refused: ${reason}`), last, ''].join('\n'))
      return
    }
    const services = result.services.join(', ')
    const became = result.unchanged ? 'is served as before' : `deployed as number ${result.deployment}`
    print(`${this.name}: ${services} ${became}, after ${seconds(performance.now() - started)}.`)
    const routes = result.methods.flatMap((method) => method.routes).join(', ')
    if (this.routes !== '' && routes !== this.routes) print(`  its routes: ${routes}`)
    this.routes = routes
  }

  /** Where its sources are may change with it. */
  private look(): void {
    const [folders, generated] = this.places()
    this.sources?.close()
    this.sources = new Sources(folders, [...this.options.except, ...generated])
  }

  private places(): readonly [folders: readonly string[], generated: readonly string[]] {
    try {
      const { directory, proto, gen } = readProject(this.directory)
      return [[directory, proto], [gen]]
    } catch (error) {
      // The build says so.
      if (error instanceof BuildError) return [[this.directory], []]
      throw error
    }
  }

  /** Undefined: it was ended. */
  private async build(): Promise<DevBuilt | undefined> {
    const cache = getCompileCacheDir()
    const env = cache === undefined ? process.env : { ...process.env, NODE_COMPILE_CACHE: dirname(cache) }
    const { signal } = this.options
    const child = fork(script, [this.directory], { env, signal, stdio: ['ignore', 'ignore', 'inherit', 'ipc'] })
    return await new Promise((resolve, reject) => {
      let built: DevBuilt | undefined
      child.once('message', (said: DevBuilt) => {
        built = said
      })
      child.once('error', (error) => (signal.aborted ? resolve(undefined) : reject(error)))
      child.once('close', (code) => {
        if (built !== undefined || signal.aborted) resolve(signal.aborted ? undefined : built)
        else resolve({ problems: [`the build ended with code ${code}, and said no more than what is above`] })
      })
    })
  }
}
