// Deploy: from an uploaded component to services that answer, and back again at every start.
//
// D1. Nothing changes unless everything is in order: all reasons against it are told at once.
// D2. What is answered is durable (catalog C1), and the switch is atomic: one directory replaces the other.
// D3. One deployment at a time; linking runs in a process of its own, so calls go on meanwhile.
// D4. A restart serves from stored artefacts, without jco; an artefact of another engine version is made again.
//
// Owns: the order of checks, the switch.   link.ts owns: wasm.   validate.ts owns: rules.   The catalog owns: what is kept.

import { hash } from 'node:crypto'
import type { Logger } from 'pino'
import type { Clock } from '../clock.ts'
import { InnkeeperError } from '../errors.ts'
import type { ServiceDescription } from '../guest/about.ts'
import type { Artefact } from '../guest/artefact.ts'
import type { ValueGuest } from '../guest/guest.ts'
import type { LoadedGuest } from '../guest/load.ts'
import { load } from '../guest/load.ts'
import type { Catalog, DeployedService, Deployment } from '../journal/catalog.ts'
import type { Journal } from '../journal/journal.ts'
import type { Limits } from '../limits.ts'
import { keyFields, keyReader } from '../router/entity-key.ts'
import { loadSchema, SchemaError } from '../schema/load.ts'
import type { Schema, ServiceType } from '../schema/schema.ts'
import type { Method, Service, Services } from '../services.ts'
import { wireBreaks } from './breaking.ts'
import type { LinkResult } from './link.ts'
import { engineVersion, link } from './link.ts'
import { methodView, streamsOf } from './methods.ts'
import { unreadableValues } from './stored.ts'
import { validateDescription, validateOwnership, validatePersistence, validateUpgrade } from './validate.ts'

export type DeployResult =
  | {
      readonly ok: true
      readonly deployment: number
      readonly hash: string
      readonly unchanged: boolean
      readonly services: readonly string[]
    }
  | { readonly ok: false; readonly reasons: readonly string[] }

export interface DeployOptions {
  /** Override everything but ownership. */
  readonly force?: boolean
  /** Only say what would happen. */
  readonly dryRun?: boolean
  readonly onProgress?: (step: string) => void
}

export interface DeployerParts {
  readonly catalog: Catalog
  readonly journal: Pick<Journal, 'entities' | 'base'>
  readonly services: Services
  readonly limits: Limits
  readonly clock: Clock
  readonly log: Logger
}

export class Deployer {
  private readonly parts: DeployerParts
  private queue: Promise<unknown> = Promise.resolve()

  constructor(parts: DeployerParts) {
    this.parts = parts
  }

  /** Check a component and serve it. Reasons, not rejections, for whatever is wrong with it. */
  deploy(component: Uint8Array, options: DeployOptions = {}): Promise<DeployResult> {
    const run = this.queue.then(() => this.run(component, options))
    this.queue = run.catch(() => {})
    return run
  }

  /** Serve what the catalog says is active. A service that cannot be restored is left out and logged. */
  async restore(): Promise<void> {
    const { catalog, services, limits, log } = this.parts
    const active = catalog.active()
    const deployments = catalog.deployments()
    for (const number of [...new Set(active.values())].sort((a, b) => a - b)) {
      const deployment = deployments.find((item) => item.number === number)
      try {
        if (deployment === undefined) throw new Error(`deployment ${number} is not in the catalog`)
        const artefact = await this.artefact(deployment.hash)
        const schema = loadSchema(artefact.description.descriptors)
        const made = this.services(artefact, schema, load(artefact, limits, streamsOf(schema)), deployment)
        services.change(made.filter((service) => active.get(service.name) === number))
      } catch (error) {
        log.error({ deployment: number, err: error }, 'a deployment could not be restored; its services are not served')
      }
    }
  }

  /** Stop serving. @throws InnkeeperError `unknown_service` */
  undeploy(name: string): Service {
    const { catalog, services } = this.parts
    const service = services.get(name)
    if (service === undefined) throw new InnkeeperError('unknown_service', `no service ${name} is deployed`)
    catalog.undeploy(name)
    services.change([], [name])
    return service
  }

  private async run(component: Uint8Array, options: DeployOptions): Promise<DeployResult> {
    const { catalog, services, limits, clock, log } = this.parts
    const contentHash = hash('sha256', component, 'hex')
    const deployments = catalog.deployments()
    const active = catalog.active()
    const same = [...deployments].reverse().find((deployment) => deployment.hash === contentHash)
    if (same?.services.every(({ name }) => active.get(name) === same.number && services.get(name) !== undefined)) {
      const names = same.services.map(({ name }) => name)
      return { ok: true, deployment: same.number, hash: contentHash, unchanged: true, services: names }
    }
    const linked: LinkResult = await link(component, limits, options.onProgress)
    if (!linked.ok) return linked
    const { artefact } = linked
    options.onProgress?.('checking services and routes')
    const schema = schemaOf(artefact)
    if ('reasons' in schema) return { ok: false, reasons: schema.reasons }
    const problems = validateDescription(artefact.description, schema.schema, limits)
    if (problems.length > 0) return { ok: false, reasons: problems }
    const described = describe(artefact, schema.schema)
    // Compiles the modules: whatever can still fail does so before anything is written.
    const guest = load(artefact, limits, streamsOf(schema.schema))
    const reasons: string[] = [...validateOwnership(described, deployments, active)]
    if (options.force !== true) {
      reasons.push(...validateUpgrade(described, deployments), ...validatePersistence(described, deployments, active))
      reasons.push(...(await this.wireReasons(described, artefact.description.descriptors)))
      options.onProgress?.('trying it on stored values')
      reasons.push(...(await this.storedReasons(described, schema.schema, guest)))
    }
    if (reasons.length > 0) return { ok: false, reasons }
    const number = (deployments.at(-1)?.number ?? 0) + 1
    const names = described.map(({ name }) => name)
    if (options.dryRun === true)
      return { ok: true, deployment: number, hash: contentHash, unchanged: false, services: names }
    const deployment: Deployment = {
      number,
      hash: contentHash,
      atMs: clock.now(),
      forced: options.force === true,
      services: described.map((service) => {
        // Actions store nothing.
        return service.kind === 'action' ? service : { ...service, storage: catalog.storageId(service.persistenceId) }
      }),
    }
    const made = this.services(artefact, schema.schema, guest, deployment)
    catalog.deploy(deployment, component, artefact)
    services.change(made)
    log.info({ deployment: number, hash: contentHash, services: names }, 'deployed')
    return { ok: true, deployment: number, hash: contentHash, unchanged: false, services: names }
  }

  private async wireReasons(described: readonly DeployedService[], after: Uint8Array): Promise<readonly string[]> {
    const { catalog } = this.parts
    const reasons = new Set<string>()
    const seen = new Set<string>()
    for (const { name } of described) {
      const before = [...catalog.deployments()]
        .reverse()
        .find(({ services }) => services.some((item) => item.name === name))
      if (before === undefined || seen.has(before.hash)) continue
      seen.add(before.hash)
      const artefact = await this.artefact(before.hash)
      for (const reason of await wireBreaks(artefact.description.descriptors, after)) reasons.add(reason)
    }
    return [...reasons]
  }

  /** Values have no events to fold anew: what the old version wrote, the new one must read. */
  private async storedReasons(
    described: readonly DeployedService[],
    schema: Schema,
    { value: next }: LoadedGuest,
  ): Promise<readonly string[]> {
    const { catalog, journal, clock } = this.parts
    const earlier = catalog.deployments()
    const reasons: string[] = []
    for (const { name, kind, persistenceId, keyFields } of described) {
      if (kind !== 'value' || next === undefined) continue
      const stores = (service: DeployedService) => service.kind === kind && service.persistenceId === persistenceId
      const last = earlier.flatMap(({ services }) => services).findLast(stores)
      if (last === undefined) continue
      const stored = { journal, storage: last.storage, keyFieldCount: keyFieldCount(keyFields), nowMs: clock.now() }
      const versions = { type: schema.services.get(name)!, next, of: this.versionsOf(name) }
      reasons.push(...(await unreadableValues(stored, versions)))
    }
    next?.drop()
    return reasons
  }

  /** Guests of earlier deployments of a value service, by number; each loaded once. */
  private versionsOf(name: string): (deployment: number) => Promise<ValueGuest | undefined> {
    const { catalog, limits } = this.parts
    const loaded = new Map<number, Promise<ValueGuest | undefined>>()
    const loadOne = async (number: number) => {
      const deployment = catalog.deployments().find((item) => item.number === number)
      if (deployment?.services.some((service) => service.name === name) !== true) return undefined
      return load(await this.artefact(deployment.hash), limits).value
    }
    return (number) => {
      const guest = loaded.get(number) ?? loadOne(number)
      loaded.set(number, guest)
      return guest
    }
  }

  private async artefact(contentHash: string): Promise<Artefact> {
    const { catalog, limits, log } = this.parts
    const stored = catalog.artefact(contentHash, engineVersion)
    if (stored !== undefined) return stored
    const component = catalog.component(contentHash)
    if (component === undefined) throw new Error(`component ${contentHash} is not in the data directory`)
    if (hash('sha256', component, 'hex') !== contentHash)
      throw new Error(`component ${contentHash} is damaged in the data directory; deploy its file again`)
    log.info({ hash: contentHash, engine: engineVersion }, 'linking a stored component for this version of the engine')
    const linked = await link(component, limits)
    if (!linked.ok) throw new Error(linked.reasons.join('; '))
    catalog.putArtefact(linked.artefact)
    return linked.artefact
  }

  private services(artefact: Artefact, schema: Schema, guest: LoadedGuest, deployment: Deployment): Service[] {
    return deployment.services.map((deployed) => {
      const description = artefact.description.services.find((service) => service.name === deployed.name)
      const type = schema.services.get(deployed.name)
      const service = description && type && this.service(deployed, description, type, schema, guest, deployment.number)
      if (service === undefined) throw new Error(`${deployed.name} is not in its component`)
      return service
    })
  }

  private service(
    deployed: DeployedService,
    description: ServiceDescription,
    type: ServiceType,
    schema: Schema,
    guest: LoadedGuest,
    deployment: number,
  ): Service | undefined {
    const { entityKeyBytesMax } = this.parts.limits
    const { kind } = description
    const methods = new Map<string, Method>()
    for (const method of type.methods.values()) {
      const keyOf = kind === 'action' ? () => '' : keyReader(method.input, entityKeyBytesMax)
      methods.set(method.name, { type: method, keyOf, view: methodView(description, method) })
    }
    const common = {
      name: deployed.name,
      type,
      schema,
      description,
      storage: deployed.storage,
      persistenceId: deployed.persistenceId,
      deployment,
      stateVersion: description.stateVersion ?? guest.artefact.hash,
      keyFieldCount: keyFieldCount(deployed.keyFields),
      methods,
    }
    switch (kind) {
      case 'event-sourced':
        return guest.eventSourced && { ...common, kind, guest: guest.eventSourced }
      case 'value':
        return guest.value && { ...common, kind, guest: guest.value }
      case 'replicated':
        return guest.replicated && { ...common, kind, guest: guest.replicated }
      case 'action':
        return guest.action && { ...common, kind, guest: guest.action }
    }
  }
}

function schemaOf(artefact: Artefact): { schema: Schema } | { reasons: readonly string[] } {
  try {
    return { schema: loadSchema(artefact.description.descriptors) }
  } catch (error) {
    if (error instanceof SchemaError) return { reasons: error.problems }
    throw error
  }
}

function keyFieldCount(keyFields: DeployedService['keyFields']): number {
  return Object.values(keyFields)[0]?.length ?? 1
}

/** Storage ids are given later, when nothing can refuse any more. */
function describe(artefact: Artefact, schema: Schema): DeployedService[] {
  return artefact.description.services.map(({ name, kind, persistenceId }) => {
    const keys: Record<string, readonly string[]> = {}
    for (const method of schema.services.get(name)!.methods.values()) {
      keys[method.name] = keyFields(method.input).map((field) => field.name)
    }
    return { name, kind, persistenceId: persistenceId ?? name, storage: 0, keyFields: keys }
  })
}
