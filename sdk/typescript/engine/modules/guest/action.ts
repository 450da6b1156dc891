// Actions in the engine, which runs unary methods itself; streams are run by the JavaScript that Node runs.

import type { Action } from '../../../action.ts'
import { actionExports as runningExports } from '../../../guest/action.ts'
import { native } from '../native.ts'
import { nativeMethods } from '../native-methods.ts'

const kind = 3

export function actionExports(definitions: readonly Action[]): object {
  const services = definitions.map(({ service, methods }) => {
    return [service.typeName, nativeMethods(service, methods), [], undefined] as const
  })
  native.services(kind, services)
  const streams = Object.values(definitions).some(({ methods }) =>
    Object.values(methods).some((handler) => typeof handler !== 'function'),
  )
  return streams ? { stream: runningExports(definitions).stream } : {}
}
