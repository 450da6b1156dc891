// Deploying: a component that `inn up` gives to its own host, in words.

import type { DeployResult } from '../deploy/deploy.ts'
import { InnkeeperError, operatorMessage } from '../errors.ts'
import type { SupervisedHost } from '../supervisor/supervisor.ts'
import { progress } from './print.ts'

export interface ComponentFile {
  readonly name: string
  readonly bytes: Uint8Array
}

/** Reasons of a refusal are a line each, with the file's name. */
export async function deploy(
  host: Pick<SupervisedHost, 'deploy'>,
  { name, bytes }: ComponentFile,
  onStep: (step: string) => void,
): Promise<DeployResult> {
  const named = (reasons: readonly string[]) => ({
    ok: false as const,
    reasons: reasons.map((reason) => `${name}: ${reason}`),
  })
  try {
    const result = await host.deploy(bytes, onStep)
    if (!result.ok) return named(result.reasons)
    for (const warning of result.warnings) progress(`warning: ${name}: ${warning}`)
    return result
  } catch (error) {
    if (error instanceof InnkeeperError) return named([operatorMessage(error)])
    throw error
  }
}
