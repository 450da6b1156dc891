// Forbidden in C: what a service has not, found by the compiler or the linker, and what to use instead.

const clock = 'use ik_now(context)'
const chance = 'use ik_random(context)'
const nothing = 'a component has no files and no output'
const log = "use ik_log_info, ik_log_warn and their like for the host's log"
const memory = 'use ik_allocate, or ik_allocate_zeroed: the memory of a call is freed after it'
const strings = 'innkeeper.h has memcpy, memmove, memset, memcmp and strlen, and ik_equal, ik_is, ik_compare for text'

const headers: Readonly<Record<string, string>> = {
  'time.h': clock,
  'sys/time.h': clock,
  'stdio.h': `use ik_format for text; ${log}`,
  'stdlib.h': memory,
  'string.h': strings,
  'math.h': 'use __builtin_floor, __builtin_sqrt and their like',
  'pthread.h': 'a component has one thread',
  'threads.h': 'a component has one thread',
  'unistd.h': nothing,
  'fcntl.h': nothing,
  'inttypes.h': 'use IK_D64 and IK_U64',
  'assert.h': 'use ik_assert',
}

const functions: Readonly<Record<string, string>> = {
  ...each('time gettimeofday clock_gettime clock localtime gmtime mktime nanosleep sleep usleep', clock),
  ...each('rand srand random srandom arc4random getrandom getentropy', chance),
  ...each('fopen fread fwrite fclose open read write close getenv system', nothing),
  ...each('printf puts putchar fprintf', log),
  ...each('sprintf snprintf', 'use ik_format'),
  ...each('malloc calloc realloc free', memory),
  ...each('strcmp strncmp strcpy strncpy strcat strchr strstr', strings),
  ...each('abort exit', 'use ik_fault'),
  ...each('assert', 'use ik_assert'),
}

function each(names: string, instead: string): Readonly<Record<string, string>> {
  return Object.fromEntries(names.split(' ').map((name) => [name, instead]))
}

/** `said`: what clang says, or the name of a function. Undefined if it is about nothing forbidden. */
export function forbiddenProblem(said: string): string | undefined {
  const [, header] = /^'([^']+)' file not found/.exec(said) ?? []
  if (header !== undefined) {
    const instead = headers[header] ?? (/^[a-z/]+\.h$/.test(header) ? 'there is no C library' : undefined)
    return instead === undefined ? undefined : `${header} is not available in a service: ${instead}`
  }
  const [, undeclared] =
    /^(?:call to undeclared (?:library )?function|use of undeclared identifier) '(\w+)'/.exec(said) ?? []
  const name = undeclared ?? (/^\w+$/.test(said) ? said : undefined)
  if (name !== undefined && functions[name] !== undefined) {
    return `${name} is not available in a service: ${functions[name]}`
  }
  const [, handler] = /^no previous prototype for function '(\w+)'/.exec(said) ?? []
  if (handler !== undefined) {
    return `${handler} is not declared by a generated header; make it static if it is a helper`
  }
  return undefined
}
