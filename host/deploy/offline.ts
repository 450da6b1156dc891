// Offline: what a deployment would do to a data directory that no host uses, and an end to a service there.

import type { Logger } from 'pino'
import { systemClock } from '../clock.ts'
import { InnkeeperError } from '../errors.ts'
import type { Joining } from '../journal/group-commit.ts'
import { committed, GroupCommit } from '../journal/group-commit.ts'
import type { Journal } from '../journal/journal.ts'
import { storedIn } from '../journal/stored.ts'
import { keepsState } from '../kinds.ts'
import type { Limits } from '../limits.ts'
import { didYouMean } from '../nearest.ts'
import { Services } from '../services.ts'
import { meant } from '../short-name.ts'
import { openStore } from '../store/rocksdb.ts'
import type { Store } from '../store/store.ts'
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
  const store = await openStore(directory, { log: (message, fields) => log.warn(fields ?? {}, message) })
  try {
    const { catalog, journals } = store
    const journal = storedIn(journals)
    const deployer = new Deployer({ catalog, journal, services: new Services(), limits, clock: systemClock, log })
    return await deployer.deploy(component, { ...options, dryRun: true })
  } finally {
    await noteCensus(store)
    await store.close()
  }
}

/** A service is not served by the next host on the directory. Works on the catalog alone: nothing of the service is run. Answers its whole name.
 *  @throws InnkeeperError `storage_unavailable`, `unknown_service`, `bad_request` */
export async function undeployIn(directory: string, given: string, purge: boolean): Promise<string> {
  const store = await openStore(directory, { log: () => {} })
  try {
    const { catalog, journals } = store
    const deployments = catalog.deployments()
    const names = [...new Set(deployments.flatMap(({ services }) => services.map(({ name }) => name)))]
    const { name: service = given, ambiguous } = meant(names, given)
    if (ambiguous !== undefined) throw new InnkeeperError('bad_request', ambiguous)
    const number = catalog.active().get(service)
    const deployed = deployments.flatMap(({ services }) => services).findLast(({ name }) => name === service)
    if (deployed === undefined || (number === undefined && !purge))
      throw new InnkeeperError(
        'unknown_service',
        `no service ${service} is deployed in ${directory}${didYouMean(given, names)}`,
      )
    if (number !== undefined) catalog.undeploy(service)
    catalog.putStrikes(service, undefined)
    const commits = new GroupCommit(store)
    if (purge) for (const [index, journal] of journals.entries()) await dropEffects(journal, commits.of(index), service)
    if (!keepsState(deployed.kind)) return service
    if (purge) for (const journal of journals) await journal.purge(deployed.storage)
    else
      for (const index of journals.keys())
        await committed(commits.of(index), (batch) => batch.tell({ storage: deployed.storage, why: 'undeployed' }))
    return service
  } finally {
    await store.close()
  }
}

/** What was counted for the trial, so that the next start need not. */
async function noteCensus(store: Store): Promise<void> {
  const commits = new GroupCommit(store)
  for (const [index, journal] of store.journals.entries())
    commits.of(index).join(
      (batch) => batch.note(journal.census.notes(journal.lastCommit())),
      () => {},
    )
  await commits.drain()
}

/** Give up what a purged service caused. */
async function dropEffects(journal: Journal, commits: Joining, service: string): Promise<void> {
  for (let after = 0; ; ) {
    const page = journal.outbox(after, 1_000)
    const last = page.at(-1)
    if (last === undefined) return
    after = last.id
    const caused = page.filter(({ cause }) => cause.service === service)
    if (caused.length === 0) continue
    await committed(commits, (batch) => {
      for (const { id } of caused) batch.dequeue(id)
    })
  }
}
