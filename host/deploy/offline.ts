// Offline: what a deployment would do to a data directory that no host uses, and an end to a service there.

import type { Logger } from 'pino'
import { systemClock } from '../clock.ts'
import { InnkeeperError } from '../errors.ts'
import type { Journal } from '../journal/journal.ts'
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

/** A service is not served by the next host on the directory. Works on the catalog alone: nothing of the service is run.
 *  @throws InnkeeperError `storage_unavailable`, `unknown_service` */
export async function undeployIn(directory: string, service: string, purge: boolean): Promise<void> {
  const { journal, catalog } = await openStore(directory, { log: () => {} })
  try {
    const number = catalog.active().get(service)
    const deployments = catalog.deployments()
    const deployed = deployments.flatMap(({ services }) => services).findLast(({ name }) => name === service)
    if (deployed === undefined || (number === undefined && !purge))
      throw new InnkeeperError('unknown_service', `no service ${service} is deployed in ${directory}`)
    if (number !== undefined) catalog.undeploy(service)
    catalog.putStrikes(service, undefined)
    if (purge) await dropEffects(journal, service)
    if (purge && deployed.kind !== 'action') journal.purge(deployed.storage)
  } finally {
    await journal.close()
  }
}

/** Give up what a purged service caused. */
async function dropEffects(journal: Journal, service: string): Promise<void> {
  for (let after = 0; ; ) {
    const page = journal.outbox(after, 1_000)
    const last = page.at(-1)
    if (last === undefined) return
    after = last.id
    const batch = journal.batch()
    const caused = page.filter(({ cause }) => cause.service === service)
    if (caused.length === 0) continue
    for (const { id } of caused) batch.dequeue(id)
    await new Promise<void>((resolve, reject) => {
      journal.commit(batch, (error) => (error === undefined ? resolve() : reject(error)))
    })
  }
}
