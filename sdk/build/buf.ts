// Where the buf binary's launcher is: npm puts it beside the package, wherever that was hoisted to.

import { createRequire } from 'node:module'

export function bufPath(): string {
  const require = createRequire(import.meta.url)
  return require.resolve('@bufbuild/buf/bin/buf')
}
