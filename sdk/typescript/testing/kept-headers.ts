// Kept headers: what a host passes on to no function, whatever a service lists. A kit that did would test what cannot be.
//
// A copy of host/header-names.ts, since the SDK is a package of its own; test/sdk/kept-headers.test.ts compares them.

const credentials: readonly string[] = ['authorization', 'cookie', 'set-cookie']
const credentialsPrefix = 'proxy-'
const ofTransport: readonly string[] = [
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
const ofTransportPrefixes: readonly string[] = ['grpc-', ':']

/** @throws TypeError for a header that reaches no function. `name`: in lower case. */
export function checkReaches(name: string): void {
  const why =
    credentials.includes(name) || name.startsWith(credentialsPrefix) ? insteadOfCredential : insteadOfTransport
  if (
    why === insteadOfTransport &&
    !ofTransport.includes(name) &&
    !ofTransportPrefixes.some((start) => name.startsWith(start))
  )
    return
  throw new TypeError(`the header ${name} never reaches a function${why}`)
}

const insteadOfCredential =
  '; callers send a token in x-token or x-api-key, which are not journaled (setting never-stored-headers); ' +
  "to check who calls is the host's job, once it has access control"
const insteadOfTransport =
  ', since it belongs to the transport; callers send what a function needs under another name, which begins with x-'
