// Connectors: what an operator may see and do of the outside world (outbound.ts).

import { ConfigError } from '../config-file.ts'
import { InnkeeperError } from '../errors.ts'
import type { AdminRoute } from './api.ts'
import type { AdminContext } from './context.ts'

export function connectorRoutes({ outbound, log }: AdminContext): readonly Omit<AdminRoute, 'pattern'>[] {
  return [
    {
      method: 'GET',
      path: '/v1/connectors',
      summary:
        'What innkeeper.json grants of the outside world, with figures since the start of the host. Names of secrets, never secrets.',
      run: () => ({ json: { connectors: outbound.shown(), lacking: outbound.lacking() } }),
    },
    {
      method: 'POST',
      path: '/v1/connectors/reload',
      summary:
        'Read "connectors" and "secrets" of innkeeper.json, and the secrets, again. With a problem in any of them all stays as it was.',
      run: () => {
        const problems = reload(outbound)
        if (problems.length > 0)
          throw new InnkeeperError('bad_request', `nothing has changed: ${problems.slice(0, 20).join('; ')}`)
        const connectors = outbound.shown().map(({ connector }) => connector)
        log.info({ connectors }, 'connectors and secrets were read again')
        outbound.warn()
        return { json: { connectors, lacking: outbound.lacking() } }
      },
    },
  ]
}

function reload(outbound: AdminContext['outbound']): readonly string[] {
  try {
    return outbound.reread()
  } catch (error) {
    if (error instanceof ConfigError) return error.problems
    throw error
  }
}
