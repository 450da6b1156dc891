// Go: generated code, one core module by the go command, a component around it.
//
// G1. A component exports the kinds whose packages its code imports: the generated main package has their exports, and no others.
// G2. What a guest cannot have (time, chance, files, goroutines), and what is not the same every time (ranging over a map), is
//     refused with its place by sdk/go/check; what a dependency still reaches of WASI is sealed: constants, and no effect.
// G3. Offline: the SDK depends on nothing but the standard library. A toolchain is never fetched.
// G4. The generated main package has the memory for the words of a fault, which fault-export.ts finds by its magic, and brings log and
//     log/slog to the host's log where the program has them.
// G5. The author's package stays an ordinary one: main.go is for wasip1 only, so `go test ./...` passes it over.
//
// Leaves to others: code (code.ts), what runs in the guest (sdk/go), the component (component.ts).

import { copyFileSync, existsSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { basename, dirname, isAbsolute, join, relative, resolve, sep } from 'node:path'
import { faultBytesMax } from '../../../../host/guest/fault-text.ts'
import { writeGenerated } from '../../codegen/write.ts'
import { builtOf } from '../../component.ts'
import { coreWithFault, faultMagic } from '../../fault-export.ts'
import type { Exportable } from '../../kinds.ts'
import { exportables } from '../../kinds.ts'
import type { BuildProblem } from '../../problem.ts'
import { BuildError } from '../../problem.ts'
import type { Project } from '../../project.ts'
import type { Ran } from '../../run.ts'
import type { Tool } from '../../toolchain.ts'
import { findTool, MissingTool, runTool } from '../../toolchain.ts'
import type { LanguageBuild } from '../language.ts'
import { generateGo } from './code.ts'
import { refuseImports } from './forbidden.ts'
import { told } from './told.ts'

const sdkPath = 'innkeeper'

/** The go command, or what to install. */
export function findGo(environment: NodeJS.ProcessEnv = process.env): Tool | MissingTool {
  const search = { variable: 'INNKEEPER_GO', names: ['go', '/usr/local/go/bin/go'], inRoot: ['/usr/bin/go'] }
  return (
    findTool(search, environment) ??
    new MissingTool('Go', 'the go command', 'Install Go 1.24 or later (https://go.dev/dl), or run .ci/toolchains go.')
  )
}

export const buildGo: LanguageBuild = async (project, { bytes, schema }, steps) => {
  const go = findGo()
  if (go instanceof MissingTool) throw go
  const work = new Workspace(project, go)
  await steps.run('generate', () => writeGenerated(project.gen, generateGo(schema, project.files, work.generatedName)))
  const packages = await steps.run('compile', () => work.compile())
  const core = await steps.run('link', async () => {
    await work.writeMain(packages, bytes)
    const [built] = await Promise.all([work.link(), work.check(packages)])
    return built
  })
  refuseImports(project, core)
  const linked = coreWithFault(project, core)
  return await builtOf(project, linked.core, steps, linked.address)
}

/** What `go list` says of a package. */
interface Package {
  readonly ImportPath: string
  readonly Name: string
  readonly Dir: string
  readonly Standard?: boolean
  readonly GoFiles?: readonly string[]
  readonly Imports?: readonly string[]
  /** File with what its importers need to know. */
  readonly Export?: string
  readonly Module?: { readonly Path: string; readonly Main?: boolean }
}

/** The go command in an author's module. */
class Workspace {
  readonly project: Project
  readonly go: Tool
  readonly modulePath: string
  readonly generatedName: string
  /** The folder with go.mod: the project's, or one around it. */
  private readonly moduleFolder: string
  private readonly main: string
  private readonly sdkFolder: string | undefined

  /** @throws BuildError if go.mod does not know the SDK. */
  constructor(project: Project, go: Tool) {
    this.project = project
    this.go = go
    this.generatedName = basename(project.gen).replace(/[^A-Za-z0-9_]/g, '') || 'gen'
    this.main = join(project.gen, 'component')
    this.moduleFolder = moduleAround(project.directory) ?? project.directory
    const file = join(this.moduleFolder, 'go.mod')
    const text = existsSync(file) ? readFileSync(file, 'utf8') : ''
    const path = /^module\s+"?([^\s"]+)"?/m.exec(text)?.[1]
    if (path === undefined) throw this.problem(file, 'is missing, or has no module line')
    if (!new RegExp(`^(require\\s+|\\s+)${sdkPath}\\s+v`, 'm').test(text)) {
      throw this.problem(
        file,
        `does not require the SDK: \`require ${sdkPath} v0.0.0\`, and \`replace ${sdkPath} => FOLDER\` where it is a folder`,
      )
    }
    this.modulePath = path
    const replaced = new RegExp(`^(?:replace\\s+|\\s+)${sdkPath}\\s+(?:v\\S+\\s+)?=>\\s+"?([^\\s"]+)`, 'm').exec(
      text,
    )?.[1]
    this.sdkFolder = replaced === undefined ? undefined : resolve(this.moduleFolder, replaced)
  }

  /** Compile the author's package and all that it imports. @throws BuildError */
  async compile(): Promise<readonly Package[]> {
    const fields = 'ImportPath,Name,Dir,Standard,GoFiles,Imports,Export,Module'
    const author = this.importPath(dirname(this.project.entry))
    const ran = await this.run(['list', '-deps', '-export', '-trimpath', `-json=${fields}`, author], forWasm)
    if (!ran.ok) throw new BuildError(this.problemsOf(ran), this.project.directory)
    const packages = ran.stdout
      .split(/^(?=\{)/m)
      .filter((text) => text.trim() !== '')
      .map((text) => JSON.parse(text) as Package)
    const own = packages.find(({ ImportPath }) => ImportPath === author)
    if (own?.Name === 'main') {
      throw this.problem(
        this.project.entry,
        'is package main, which the build generates; give this package another name',
      )
    }
    return packages
  }

  async writeMain(packages: readonly Package[], descriptors: Uint8Array): Promise<void> {
    const found = this.kindsIn(packages)
    if (found.length === 0) {
      const known = exportables.map((kind) => `${sdkPath}/${packageOf(kind)}`).join(', ')
      throw this.problem(this.project.entry, `has no service: nothing imports one of ${known}`)
    }
    const literal = Array.from(descriptors, (byte) => `\\x${byte.toString(16).padStart(2, '0')}`).join('')
    await writeGenerated(this.main, [
      { path: 'main.go', text: this.mainText(packages, found) },
      { path: 'descriptors.go', text: `${head}const descriptors = "${literal}"\n` },
    ])
  }

  /** Resolves to the core module. @throws BuildError */
  async link(): Promise<Uint8Array> {
    // A file of this build's own, beginning as the last one: the go command does not link again what is linked already.
    const [last, out] = [join(this.main, 'core.wasm'), join(this.main, `core.${process.pid}.wasm`)]
    if (existsSync(last)) copyFileSync(last, out)
    const flags = ['-buildmode=c-shared', '-trimpath', '-ldflags=-s -w -checklinkname=0', '-o', out]
    try {
      const ran = await this.run(['build', ...flags, this.importPath(this.main)], forWasm)
      if (!ran.ok) throw new BuildError(this.problemsOf(ran), this.project.directory)
      const core = readFileSync(out)
      renameSync(out, last)
      return core
    } finally {
      rmSync(out, { force: true })
    }
  }

  /** @throws BuildError with what the code uses and a guest cannot have. */
  async check(packages: readonly Package[]): Promise<void> {
    const list = join(this.main, `packages.${process.pid}.json`)
    const generated = this.importPath(this.project.gen)
    const text = packages.map(({ ImportPath, Dir, GoFiles, Export, Module }) => ({
      path: ImportPath,
      export: Export,
      ...(Module?.Main === true && ImportPath !== generated
        ? { files: (GoFiles ?? []).map((file) => join(Dir, file)) }
        : {}),
    }))
    writeFileSync(list, JSON.stringify(text))
    const ran = await this.run(['run', `${sdkPath}/check`, list], {}).finally(() => rmSync(list, { force: true }))
    if (!ran.ok) throw new BuildError(this.problemsOf(ran), this.project.directory)
  }

  private mainText(packages: readonly Package[], found: readonly Exportable[]): string {
    const imports = [
      ['author', this.importPath(dirname(this.project.entry))],
      ['', `${sdkPath}/component`],
      ...found.map((kind) => ['_', `${sdkPath}/component/${packageOf(kind)}`] as const),
      ...logsOf(packages).map((name) => ['_', `${sdkPath}/component/${name}`] as const),
    ] as const
    const lines = [...imports]
      .sort(([, one], [, other]) => (one < other ? -1 : 1))
      .map(([name, path]) => `\t${name === '' ? '' : `${name} `}"${path}"`)
    return `${head}import (
${lines.join('\n')}
)

// For the words of a fault: what this memory is found by, the length, the text.
var fault = [${faultMagic.length} + 4 + ${faultBytesMax}]byte{${Array.from(faultMagic, hexByte).join(', ')}}

func init() {
	component.Serve(&component.Component{
		Module:      "${this.modulePath}",
		Generated:   "${this.importPath(this.project.gen)}",
		Descriptors: descriptors,
		Services:    author.Services,
		Fault:       fault[${faultMagic.length}:],
	})
}

func main() {}
`
  }

  private run(args: readonly string[], environment: Readonly<Record<string, string>>): Promise<Ran> {
    const cwd = this.project.directory
    const folders = [this.moduleFolder, ...(this.sdkFolder === undefined ? [] : [this.sdkFolder])]
    return runTool(this.go, args, {
      cwd,
      folders,
      environment: { GOTOOLCHAIN: 'local', GOWORK: 'off', ...environment },
    })
  }

  private importPath(folder: string): string {
    const below = relative(this.moduleFolder, folder).split(sep).join('/')
    return below === '' ? this.modulePath : `${this.modulePath}/${below}`
  }

  /** Kinds, and views, whose packages the author's code imports; generated code names all that a service could be. */
  private kindsIn(packages: readonly Package[]): readonly Exportable[] {
    const generated = this.importPath(this.project.gen)
    const imported = new Set(
      packages
        .filter(
          ({ ImportPath, Standard, Module }) =>
            Standard !== true && Module?.Path !== sdkPath && ImportPath !== generated,
        )
        .flatMap(({ Imports }) => Imports ?? []),
    )
    return exportables.filter((kind) => imported.has(`${sdkPath}/${packageOf(kind)}`))
  }

  /** `file:line:column: message`, with indented lines that go on with the one before. */
  private problemsOf({ stdout, stderr }: Ran): readonly BuildProblem[] {
    const problems: { file: string; line: number; column?: number; message: string }[] = []
    const rest: string[] = []
    for (const line of `${stdout.startsWith('{') ? '' : stdout}${stderr}`.split('\n')) {
      const [, file, row, column, message] = /^(?:.*?: )?(\S+\.go):(\d+)(?::(\d+))?: (.*)$/.exec(line) ?? []
      if (file !== undefined) {
        const place = { file: isAbsolute(file) ? file : join(this.project.directory, file), line: Number(row) }
        problems.push(
          dirname(place.file) === this.main
            ? { file: this.project.entry, line: 1, message: `Services must be a []${sdkPath}.Service: ${message}` }
            : { ...place, ...(column === undefined ? {} : { column: Number(column) }), message: message! },
        )
      } else if (/^\s/.test(line) && problems.length > 0 && line.trim() !== '') {
        problems.at(-1)!.message += ` ${line.trim()}`
      } else if (line.trim() !== '' && !line.startsWith('#') && line !== 'exit status 1') rest.push(line.trim())
    }
    const own = problems.filter(({ message }) => message !== 'too many errors')
    if (own.length > 0) return told(this.generatedName, own)
    return [{ file: join(this.project.directory, 'go.mod'), message: rest.join('; ') || 'the go command failed' }]
  }

  private problem(file: string, message: string): BuildError {
    return new BuildError([{ file, message }], this.project.directory)
  }
}

const forWasm = { GOOS: 'wasip1', GOARCH: 'wasm', CGO_ENABLED: '0' }

function moduleAround(folder: string): string | undefined {
  if (existsSync(join(folder, 'go.mod'))) return folder
  return dirname(folder) === folder ? undefined : moduleAround(dirname(folder))
}

/** Packages that bring a logger of the standard library to the host's log, if the program has it: they cost what it costs. */
function logsOf(packages: readonly Package[]): readonly string[] {
  const has = (path: string): boolean => packages.some(({ ImportPath }) => ImportPath === path)
  return [...(has('log') ? ['stdlog'] : []), ...(has('log/slog') ? ['stdslog'] : [])]
}

function hexByte(byte: number): string {
  return `0x${byte.toString(16).padStart(2, '0')}`
}

function packageOf(kind: Exportable): string {
  return kind.replace('-', '')
}

const head = `// Code generated by inn build. DO NOT EDIT: the next build overwrites it.

//go:build wasip1

package main

`
