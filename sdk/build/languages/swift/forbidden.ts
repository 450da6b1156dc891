// Forbidden in Swift: what a service has not, found by the compiler or the linker, and what to use instead.

import type { BuildProblem } from '../../problem.ts'

const clock = 'use context.now'
const chance = 'use context.random(), context.randomBytes(n) or context.uuid()'
const nothing = 'a component has no files and no output'
const threads = 'a component has one thread, and a handler answers at once'

const modules: Readonly<Record<string, string>> = {
  Foundation: `only Embedded Swift is available, without Foundation; for time ${clock}, for randomness ${chance}`,
  FoundationEssentials: `only Embedded Swift is available, without Foundation; for time ${clock}, for randomness ${chance}`,
  Glibc: 'there is no C library',
  Darwin: 'there is no C library',
  Musl: 'there is no C library',
  WASILibc: 'there is no C library',
  Dispatch: threads,
  _Concurrency: threads,
}

const names: Readonly<Record<string, string>> = {
  ...each('Date ContinuousClock SuspendingClock Clock Instant time clock_gettime clock DispatchTime', clock),
  ...each(
    'UUID arc4random arc4random_uniform arc4random_buf rand random drand48 getentropy swift_stdlib_random',
    chance,
  ),
  ...each('FileManager FileHandle URL fopen open readLine Process ProcessInfo getenv CommandLine', nothing),
  ...each('debugPrint dump', "use print, or log.debug(...) and its like, for the host's log"),
  ...each('Task Thread DispatchQueue TaskGroup withTaskGroup Actor', threads),
  ...each('JSONEncoder JSONDecoder Data NSString NSRegularExpression', 'there is no Foundation'),
}

function each(list: string, instead: string): Readonly<Record<string, string>> {
  return Object.fromEntries(list.split(' ').map((name) => [name, instead]))
}

/** `said`: what swiftc says, or the name of a symbol. Undefined if it is about nothing forbidden. */
export function forbiddenProblem(said: string): string | undefined {
  const [, module] = /^no such module '(\w+)'/.exec(said) ?? []
  const [, unknown] = /^cannot find (?:type )?'(\w+)' in scope/.exec(said) ?? []
  const [, unavailable] = /^'(\w+)(?:\([^']*\))?' is unavailable/.exec(said) ?? []
  const name = module ?? unknown ?? unavailable ?? (/^\w+$/.test(said) ? said : undefined)
  if (name === undefined) return undefined
  const instead = (module === undefined ? undefined : modules[module]) ?? names[name]
  return instead === undefined ? undefined : `${name} is not available in a service: ${instead}`
}

interface Source {
  readonly pattern: RegExp
  readonly what: string
}

const hashed = 'use Map, whose order is that of its keys'
/** A hash's seed is the system's chance, and a table's is its address: what comes out of one would differ from call to call. */
const hashing = `Dictionary and Set are not available in a service, since their order is chance: ${hashed}`

/** What an undefined symbol comes from, in the author's code. */
const sources: Readonly<Record<string, readonly Source[]>> = {
  arc4random_buf: [
    {
      pattern:
        /\.random\(in:|\.random\(using:|\bBool\.random\(|SystemRandomNumberGenerator|\.randomElement\(|\.shuffled?\(/,
      what: `chance of the system is not available in a service: ${chance}`,
    },
    {
      pattern: /\b(?:Dictionary|Set)\b\s*[<(]|\bHasher\b|\[\s*[\w.]+\s*:\s*[\w.[(][^\]]*\]|\[\s*:\s*\]|\.hashValue\b/,
      what: hashing,
    },
  ],
}

/** Of an undefined symbol: what it comes from, and where the author's code has that. `text`: gives a file. */
export function originsOf(
  symbol: string,
  files: readonly string[],
  text: (file: string) => string,
): readonly BuildProblem[] {
  const known = sources[symbol] ?? []
  return known.flatMap(({ pattern, what }) =>
    files.flatMap((file) =>
      text(file)
        .split('\n')
        .flatMap((line, index) => {
          const at = line.replace(/\/\/.*/, '').search(pattern)
          return at < 0 ? [] : [{ file, line: index + 1, column: at + 1, message: what }]
        }),
    ),
  )
}

/** Where no place is found. */
export function undefinedProblem(symbol: string): string {
  const [first, ...more] = sources[symbol] ?? []
  if (first !== undefined) return [first, ...more].map(({ what }) => what).join('; ')
  return forbiddenProblem(symbol) ?? `${symbol} is not defined; a service has no C library`
}
