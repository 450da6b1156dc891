// What uvu/assert lacks: a promise that must fail, and with which code.
import * as assert from 'uvu/assert'
import type { ErrorCode } from '../../host/errors.ts'
import { InnkeeperError } from '../../host/errors.ts'

/** The call must reject (or throw) an InnkeeperError with this code; answers it for a closer look. */
export async function rejects(call: () => unknown, code: ErrorCode): Promise<InnkeeperError> {
  try {
    await call()
  } catch (error) {
    if (!(error instanceof InnkeeperError)) throw error
    assert.is(error.code, code, error.message)
    return error
  }
  assert.unreachable(`nothing was thrown where ${code} was expected`)
  throw new Error('unreachable')
}

/** The same for a call that must throw at once. */
export function refuses(call: () => unknown, code: ErrorCode): InnkeeperError {
  try {
    call()
  } catch (error) {
    if (!(error instanceof InnkeeperError)) throw error
    assert.is(error.code, code, error.message)
    return error
  }
  assert.unreachable(`nothing was thrown where ${code} was expected`)
  throw new Error('unreachable')
}
