// Header names: which of a client's headers can reach a function at all.
//
// N1. Credentials and what belongs to the transport or the host never do, whatever a service lists: not over any protocol, not in a
//     test kit. This is the one list; the test kits of the SDKs have copies, which a test compares (test/sdk/kept-headers.test.ts).
// N2. Names are lower case.
//
// Owns: names.   ingress/headers.ts owns: headers on their way.   describe-check.ts owns: what a service lists.   config.ts owns: settings.

/** They say who calls. */
export const credentials: readonly string[] = ['authorization', 'cookie', 'set-cookie']

/** They say how a message travels, or are the host's own. */
export const ofTransport: readonly string[] = [
  'connection',
  'content-length',
  'content-encoding',
  'content-type',
  'date',
  'expect',
  'host',
  'http2-settings',
  'idempotency-key',
  'keep-alive',
  'server',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
  'user-agent',
  'x-innkeeper-commit',
  'x-request-id',
]

/** Beginnings of names: of credentials for proxies, and of the transport. */
export const credentialsPrefix = 'proxy-'
export const ofTransportPrefixes: readonly string[] = ['grpc-', ':']

const kept: ReadonlySet<string> = new Set([...credentials, ...ofTransport])

/** Never passed on, in either direction. */
export function isKept(name: string): boolean {
  return (
    kept.has(name) || name.startsWith(credentialsPrefix) || ofTransportPrefixes.some((start) => name.startsWith(start))
  )
}

const headerName = /^[0-9a-z_.-]+$/

/** Why no function can ask for a header; undefined for one that reaches those that do. `shown`: the name as it may be printed. */
export function headerProblem(name: string, shown = name): string | undefined {
  if (!headerName.test(name)) return `"${shown}" is not a header in lower case`
  if (!isKept(name)) return undefined
  return credentials.includes(name) || name.startsWith(credentialsPrefix)
    ? credentialProblem(name)
    : transportProblem(name)
}

/** The sentence about a credential, as the test kits say it, too. */
export function credentialProblem(name: string): string {
  return (
    `the header ${name} never reaches a function; callers send a token in x-token or x-api-key, which are not journaled ` +
    "(setting never-stored-headers); to check who calls is the host's job, once it has access control"
  )
}

/** The same about a header of the transport. */
export function transportProblem(name: string): string {
  return `the header ${name} never reaches a function, since it belongs to the transport; callers send what a function needs under another name, which begins with x-`
}
