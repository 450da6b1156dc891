// Forbidden in Swift: what a service has not, found by the compiler or the linker, and what to use instead.

const clock = 'use context.now'
const chance = 'use context.random(), context.randomBytes(n) or context.uuid()'
const nothing = 'a component has no files and no output'
const threads = 'a component has one thread, and a handler answers at once'

const modules: Readonly<Record<string, string>> = {
  Foundation: `there is Embedded Swift alone, without Foundation; for time ${clock}, for chance ${chance}`,
  FoundationEssentials: `there is Embedded Swift alone, without Foundation; for time ${clock}, for chance ${chance}`,
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
  ...each('putchar print debugPrint dump', 'a component has no output'),
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

/** What an undefined symbol comes from, in the author's code. */
export const sourceOf: Readonly<Record<string, { readonly pattern: RegExp; readonly what: string }>> = {
  arc4random_buf: {
    pattern: /\b(?:\w+\.random\(|SystemRandomNumberGenerator|randomElement|shuffled?\()/,
    what: `chance of the system is not available in a service: ${chance}`,
  },
  putchar: {
    pattern: /\b(?:print|debugPrint|dump)\(/,
    what: 'print is not available in a service: a component has no output',
  },
}
