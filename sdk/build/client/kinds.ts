// Kinds: what a method is to a client, by the kind of its service and what its .proto says (sdk/client/types.ts).

import type { HttpRule, MethodType } from '../../../host/schema/schema.ts'
import type { Kind } from '../../client/types.ts'

/** undefined: browsers cannot call it. `safe`: its .proto says that it has no side effects. */
export function kindOf(service: string, method: MethodType, safe: boolean): Kind | undefined {
  if (method.clientStreaming) return undefined
  if (method.watch !== undefined) return 'watch'
  if (service === 'view') return method.query?.live === true ? 'live' : method.serverStreaming ? 'rows' : 'query'
  if (method.serverStreaming) return 'stream'
  if (service === 'action') return 'action'
  return safe || isGet(method.http) ? 'read' : 'command'
}

/** All its paths are for GET, which changes nothing. */
function isGet(rule: HttpRule | undefined): boolean {
  return rule !== undefined && [rule, ...rule.additional].every(({ method }) => method === 'GET')
}
