// Offline: a deployment on a data directory that no host uses, as a dry run.

import type { Logger } from 'pino'
import { systemClock } from '../clock.ts'
import { openStore } from '../journal/rocksdb.ts'
import type { Limits } from '../limits.ts'
import { Services } from '../services.ts'
import { Deployer, type DeployOptions, type DeployResult } from './deploy.ts'

/** What deploying the component there would do. The directory is opened as a start opens it.
 *  @throws InnkeeperError `storage_unavailable` where it cannot be opened: in use, or damaged */
export async function dryRunOn(
  directory: string,
  component: Uint8Array,
  limits: Limits,
  log: Logger,
  options: Omit<DeployOptions, 'dryRun'>,
): Promise<DeployResult> {
  const { journal, catalog } = await openStore(directory, { log: (message, fields) => log.warn(fields ?? {}, message) })
  try {
    const deployer = new Deployer({ catalog, journal, services: new Services(), limits, clock: systemClock, log })
    return await deployer.deploy(component, { ...options, dryRun: true })
  } finally {
    journal.noteCensus()
    await journal.close()
  }
}
