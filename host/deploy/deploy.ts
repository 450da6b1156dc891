// Deploy: from an uploaded component to services that answer, and back again at every start.
//
// D1. Nothing changes unless everything is in order: all reasons against it are told at once.
// D2. What is answered is durable (catalog.C1), and the switch is atomic: one directory replaces the other.
// D3. Components are linked side by side, in processes of their own; they are checked and switched one after the other, in the order of
//     asking. Calls go on meanwhile.
// D4. A restart serves from stored artefacts, without linking; an artefact of another engine version is made again.
// D5. Going back is deploying a stored component again, with the same checks.
// D6. Only so many deployments run or wait at once.
//
// Owns: the order of checks, the switch.   artefacts.ts owns: linking.   validate.ts, breaking.ts, stored/ own: rules.   The catalog
// owns: what is kept.

import type { Catalog, DeployedService, Deployment } from '../catalog/catalog.ts'
import type { Clock } from '../clock.ts'
import { nextTurn } from '../clock.ts'
import type { Need } from '../connectors/connector.ts'
import { InnkeeperError, operatorMessage, toInnkeeperError } from '../errors.ts'
import { Folder } from '../fold/folder.ts'
import type { Artefact } from '../guest/artefact.ts'
import { compileAside } from '../guest/instance.ts'
import { type LoadedGuest, load } from '../guest/load.ts'
import { keepsState } from '../kinds.ts'
import { digest } from '../link/digest.ts'
import type { LinkResult } from '../link/link.ts'
import { didYouMean } from '../nearest.ts'
import { keyFields } from '../schema/entity-key.ts'
import { routesOf, shown } from '../schema/http-rule.ts'
import { loadSchema, SchemaError } from '../schema/load.ts'
import type { Schema } from '../schema/schema.ts'
import { withStandard } from '../schema/standard.ts'
import type { EventSourcedService, Services } from '../services.ts'
import { meant } from '../short-name.ts'
import type { ViewsComponent } from '../views/component.ts'
import { planViews } from '../views/plan.ts'
import type { Tables } from '../views/tables.ts'
import type { Outstanding } from './answers.ts'
import { answersBetween, stranded } from './answers.ts'
import { Artefacts, type ArtefactsParts, Unlinkable } from './artefacts.ts'
import { wireBreaks } from './breaking.ts'
import { needsOf } from './connectors.ts'
import { jsonBreaks } from './json-clients.ts'
import { places } from './lineage.ts'
import { makeServices } from './make-services.ts'
import { streamsOf } from './methods.ts'
import type { Owner, PathVerdict } from './paths.ts'
import { validatePaths, validateRuleCount } from './paths.ts'
import type { StoredJournal, StoredVerdict, Tried } from './stored/stored.ts'
import { storedServices, storedTypes, tryStored } from './stored/stored.ts'
import type { Unrestored } from './unrestored.ts'
import { unservedSentence } from './unrestored.ts'
import { leftOut, validateDescription, validateOwnership, validatePersistence, validateUpgrade } from './validate.ts'
import { builtAnew, queryProblems, queryReasons, viewSources, viewsOf } from './views.ts'

export type DeployResult =
  | {
      readonly ok: true
      readonly deployment: number
      readonly hash: string
      readonly unchanged: boolean
      readonly services: readonly string[]
      /** Of the component: methods of all its services, with their routes. */
      readonly methods: readonly DeployedMethod[]
      readonly warnings: readonly string[]
      /** What it was tried on of what is stored. */
      readonly tried: readonly Tried[]
    }
  | { readonly ok: false; readonly reasons: readonly string[] }

interface DeployedMethod {
  readonly service: string
  readonly method: string
  /** As `GET /cart/{user_id}`. */
  readonly routes: readonly string[]
}

export interface DeployOptions {
  /** Override everything but ownership. */
  readonly force?: boolean
  /** Only say what would happen. */
  readonly dryRun?: boolean
  readonly onProgress?: (step: string) => void
}

interface DeployerParts extends ArtefactsParts {
  readonly catalog: Catalog
  readonly journal: StoredJournal
  readonly services: Services
  readonly clock: Clock
  /** What views' tables are kept by; undefined where there is no data directory. */
  readonly tables?: (() => Pick<Tables, 'check'>) | undefined
  /** What of a component's needs the operator has not granted, each with what to add. */
  readonly missing?: ((needs: readonly Need[]) => readonly string[]) | undefined
  /** What goes to the methods of a service, and is not there yet. */
  readonly outstanding?: Outstanding
}

export class Deployer {
  private readonly parts: DeployerParts
  private readonly artefacts: Artefacts
  private queue: Promise<unknown> = Promise.resolve()
  private pending = 0

  constructor(parts: DeployerParts) {
    this.parts = parts
    this.artefacts = new Artefacts(parts)
  }

  /** Deployments that run or wait. */
  get inHand(): number {
    return this.pending
  }

  /** Check a component and serve it. Reasons, not rejections, for whatever is wrong with it.
   *  @throws InnkeeperError `overloaded` where too many wait */
  async deploy(component: Uint8Array, options: DeployOptions = {}): Promise<DeployResult> {
    const { deploymentsMax } = this.parts.limits
    if (this.pending >= deploymentsMax) {
      const message = `${this.pending} deployments run or wait, ${deploymentsMax} are allowed (deployments-max); deploy it again when one is done`
      throw new InnkeeperError('overloaded', message)
    }
    this.pending += 1
    try {
      return await this.enqueue(component, options)
    } finally {
      this.pending -= 1
    }
  }

  private enqueue(component: Uint8Array, options: DeployOptions): Promise<DeployResult> {
    const hashed = this.parts.clock.outside(digest(component))
    const linking = hashed.then((contentHash) =>
      this.unchanged(contentHash) === undefined ? this.link(component, contentHash, options) : undefined,
    )
    // It is awaited in its turn.
    linking.catch(() => {})
    const run = this.queue.then(async () => this.run(component, await hashed, linking, options))
    this.queue = run.catch(() => {})
    return run
  }

  /** Deploy again what served before: the component of a deployment, of the one before that in force by default.
   *  @throws InnkeeperError `unknown_service`, `bad_request` */
  async rollback(given: string, to: number | undefined, options: DeployOptions = {}): Promise<DeployResult> {
    const { catalog } = this.parts
    const all = catalog.deployments()
    const names = [...new Set(all.flatMap(({ services }) => services.map((service) => service.name)))]
    const { name, ambiguous } = meant(names, given)
    if (ambiguous !== undefined) throw new InnkeeperError('bad_request', ambiguous)
    if (name === undefined)
      throw new InnkeeperError('unknown_service', `no service ${given} was ever deployed${didYouMean(given, names)}`)
    const versions = all.filter(({ services }) => services.some((service) => service.name === name))
    const number = catalog.active().get(name)
    const inForce = versions.find((deployment) => deployment.number === number)
    const wanted =
      to === undefined
        ? versions.findLast((one) => one.number < (number ?? Number.POSITIVE_INFINITY) && one.hash !== inForce?.hash)
        : versions.find((one) => one.number === to)
    if (wanted === undefined) {
      const numbers = versions.map((one) => one.number).join(', ')
      const message =
        to === undefined
          ? `${name} has no version before deployment ${number}; it was deployed as ${numbers}`
          : `deployment ${to} had no ${name}; it was deployed as ${numbers}`
      throw new InnkeeperError('bad_request', message)
    }
    try {
      return await this.deploy(await this.artefacts.component(wanted.hash), options)
    } catch (error) {
      if (error instanceof Unlinkable) return { ok: false, reasons: error.reasons }
      throw error
    }
  }

  /** Serve what the catalog says is active, but for those to do `without`. A service that cannot be restored is logged; its callers, and
   *  those of the ones left out, are told (services.S3). */
  async restore(without: readonly string[] = []): Promise<void> {
    const { catalog, services, limits } = this.parts
    const active = new Map(catalog.active())
    const names = [...active.keys()]
    for (const given of without) {
      const { name = given, ambiguous } = meant(names, given)
      const deployment = active.get(name)
      if (deployment === undefined) {
        const hint = ambiguous === undefined ? didYouMean(given, names) : `: ${ambiguous}`
        this.parts.log.warn({ service: given }, `--without names a service that is not deployed${hint}`)
        continue
      }
      active.delete(name)
      this.leave(deployment, [name], new Unlinkable(['the host was started with --without for this service']))
    }
    const deployments = catalog.deployments()
    const numbers = [...new Set(active.values())].sort((a, b) => a - b)
    // Each is read in a turn of its own: it may have 32 MiB.
    let before = Promise.resolve()
    const artefacts = numbers.map(async (number) => {
      before = before.then(() => nextTurn(this.parts.clock))
      await before
      const deployment = deployments.find((item) => item.number === number)
      if (deployment === undefined) throw new Unlinkable([`deployment ${number} is not in the catalog`])
      return { deployment, artefact: await this.artefacts.stored(deployment.hash) }
    })
    for (const made of artefacts) made.catch(() => {})
    for (const [at, number] of numbers.entries()) {
      try {
        const { deployment, artefact } = await artefacts[at]!
        const schema = loadSchema(artefact.description.descriptors)
        const guest = await this.load(artefact, schema)
        const made = makeServices(deployment, guest, schema, limits, places(deployments).get(number)!)
        services.change(made.filter((service) => active.get(service.name) === number))
      } catch (error) {
        const names = [...active].filter(([, deployment]) => deployment === number).map(([name]) => name)
        this.leave(number, names, error)
      }
    }
  }

  /** Its modules compiled: what of it can fail has failed then, but for calls. */
  private async load(artefact: Artefact, schema: Schema): Promise<LoadedGuest> {
    const { limits, clock } = this.parts
    return load(artefact, limits, streamsOf(schema), false, await clock.outside(compileAside(artefact)))
  }

  private leave(number: number, names: readonly string[], error: unknown): void {
    const { catalog, services, log } = this.parts
    const hash = catalog.deployments().find((item) => item.number === number)?.hash
    const schema = hash === undefined ? undefined : this.schemaBefore(hash)
    const reasons = error instanceof Unlinkable ? error.reasons : [operatorMessage(toInnkeeperError(error))]
    services.leave(
      names.map((name) => ({ name, deployment: number, type: schema?.services.get(name), reasons: reasons })),
    )
    // What is foreseen is told in the sentence; a stack is of use for the rest.
    const foreseen = error instanceof Unlinkable || error instanceof InnkeeperError
    log.error(
      { deployment: number, services: names, ...(foreseen ? {} : { err: error }) },
      unservedSentence({ deployment: number, services: names, reasons }),
    )
  }

  /** What is deployed and cannot be run by this host, by deployment. */
  get unrestored(): readonly Unrestored[] {
    const groups = new Map<number, Unrestored>()
    for (const { name, deployment, reasons } of this.parts.services.current.unserved.values()) {
      const names = groups.get(deployment)?.services ?? []
      groups.set(deployment, { deployment, services: [...names, name], reasons })
    }
    return [...groups.values()]
  }

  /** Stop serving, also what cannot be run. @throws InnkeeperError `unknown_service` */
  undeploy(name: string): Pick<DeployedService, 'name' | 'kind' | 'storage'> {
    const { catalog, services } = this.parts
    const deployed = catalog.deployments().find(({ number }) => number === catalog.active().get(name))
    const service = deployed?.services.find((one) => one.name === name)
    if (service === undefined) throw services.missing(name, '')
    catalog.undeploy(name)
    services.change([], [name])
    return service
  }

  /** Folds entities of a service off the loop, by the version that serves it. `fuel`: units of each call, instead of those that calls
   *  have. The caller closes it. @throws Unlinkable */
  async folder({ deployment }: EventSourcedService, deadlineMs: number, fuel?: number): Promise<Folder> {
    const { catalog, journal, limits, clock } = this.parts
    const { hash: contentHash } = catalog.deployments().find(({ number }) => number === deployment)!
    const own = fuel === undefined ? limits : { ...limits, fuelPerCommand: fuel }
    return new Folder(await this.artefacts.stored(contentHash), journal, own, deadlineMs, clock)
  }

  private link(component: Uint8Array, contentHash: string, { onProgress }: DeployOptions): Promise<LinkResult> {
    return this.artefacts.of(component, contentHash, onProgress)
  }

  /** The deployment of this component, if all its services are served by it. */
  private unchanged(contentHash: string): Deployment | undefined {
    const { catalog, services } = this.parts
    const same = catalog.deployments().findLast((deployment) => deployment.hash === contentHash)
    const active = catalog.active()
    const serves = ({ name }: DeployedService) => active.get(name) === same?.number && services.get(name) !== undefined
    return same?.services.every(serves) === true ? same : undefined
  }

  private async run(
    component: Uint8Array,
    contentHash: string,
    linking: Promise<LinkResult | undefined>,
    options: DeployOptions,
  ): Promise<DeployResult> {
    const { catalog, services, limits, clock, log } = this.parts
    const same = this.unchanged(contentHash)
    if (same !== undefined) return this.same(same)
    const linked = (await linking) ?? (await this.link(component, contentHash, options))
    if (!linked.ok) return linked
    const { artefact } = linked
    options.onProgress?.('checking services and routes')
    const read = schemaOf(artefact.description.descriptors)
    if ('reasons' in read) return { ok: false, reasons: read.reasons }
    const { schema } = read
    const problems = validateDescription(artefact.description, schema, limits)
    if (problems.length > 0) return { ok: false, reasons: problems.map(({ message }) => message) }
    const described = describe(artefact, schema)
    const sources = viewSources(artefact.description, described, this.parts.catalog.deployments())
    const wrong = [...sources.reasons, ...(await this.queryReasons(artefact, schema, options))]
    if (wrong.length > 0) return { ok: false, reasons: wrong }
    // Compiles the modules: whatever can still fail does so before anything is written.
    const guest = await this.load(artefact, schema)
    const { reasons, tried, ...checked } = await this.check(described, artefact, schema, options)
    if (reasons.length > 0) return { ok: false, reasons }
    const warnings = [...checked.warnings, ...sources.warnings, ...builtAnew(artefact.description, services)]
    const number = (catalog.deployments().at(-1)?.number ?? 0) + 1
    const names = described.map(({ name }) => name)
    const methods = methodsOf(names, schema)
    const result = { ok: true, deployment: number, hash: contentHash, unchanged: false } as const
    if (options.dryRun === true) return { ...result, services: names, methods, warnings, tried }
    // Actions and views store nothing.
    const keepers = described.filter(({ kind }) => keepsState(kind))
    const storage = catalog.storageIds(keepers.map(({ persistenceId }) => persistenceId))
    const deployment: Deployment = {
      number,
      hash: contentHash,
      atMs: clock.now(),
      forced: options.force === true,
      services: described.map((service) => ({ ...service, storage: storage.get(service.persistenceId) ?? 0 })),
    }
    const place = places([...catalog.deployments(), deployment]).get(number)!
    const made = makeServices(deployment, guest, schema, limits, place)
    await catalog.keep(component, artefact)
    catalog.deploy(deployment)
    services.change(made)
    log.info({ deployment: number, hash: contentHash, services: names, warnings }, 'deployed')
    return { ...result, services: names, methods, warnings, tried }
  }

  /** What is wrong with the queries of views. */
  private async queryReasons(
    artefact: Artefact,
    schema: Schema,
    { onProgress }: DeployOptions,
  ): Promise<readonly string[]> {
    if (artefact.description.viewServices.length === 0) return []
    const { tables, clock, limits } = this.parts
    onProgress?.('checking queries of views')
    // Without a host there are no tables yet.
    if (tables === undefined) return await clock.outside(queryProblems(artefact, schema, limits))
    return queryReasons(await clock.outside(tables().check(viewsOf(artefact, schema))))
  }

  private same({ number, hash: contentHash, services: deployed }: Deployment): DeployResult {
    const names = deployed.map(({ name }) => name)
    const methods = names.flatMap((name) => methodsOf([name], this.parts.services.get(name)!.schema))
    const result = { ok: true, deployment: number, hash: contentHash, unchanged: true } as const
    return { ...result, services: names, methods, warnings: [], tried: [] }
  }

  /** Does it fit what is deployed and what is stored? */
  private async check(
    described: readonly DeployedService[],
    artefact: Artefact,
    schema: Schema,
    { force = false, onProgress = () => {} }: DeployOptions,
  ): Promise<StoredVerdict> {
    const { catalog, journal, limits, clock } = this.parts
    const deployments = catalog.deployments()
    const active = catalog.active()
    const names = described.map(({ name }) => name)
    const owners = described.map((service) => ({ ...service, type: schema.services.get(service.name)! }))
    const others = this.served(names)
    const ownership = [
      ...validateOwnership(described, deployments, active),
      ...validateRuleCount(owners, others, limits),
    ]
    const paths = await this.paths(owners, others, described, force)
    const reasons = [
      ...validateUpgrade(described, deployments),
      ...validatePersistence(described, deployments, active),
      ...paths.reasons,
      ...(await this.wireReasons(names, artefact.description.descriptors)),
      ...answersBetween(owners, others),
      ...stranded(owners, this.parts.outstanding ?? (() => new Map())),
      ...(this.parts.missing?.(needsOf(artefact.description, schema)) ?? []),
    ]
    const warnings = [...this.jsonWarnings(names, schema), ...leftOut(names, active), ...paths.warnings]
    const stored = storedServices(described, artefact.description.services, deployments)
    const parts = {
      journal,
      limits,
      clock,
      earlier: (deployment: number) => this.earlier(deployment),
      onProgress,
    }
    if (force) {
      const overridden = [...reasons, ...(await storedTypes(parts, stored))]
      return {
        reasons: ownership,
        warnings: [
          ...overridden.map((reason) => `overridden by --force: ${reason.replace(' (--force overrides)', '')}`),
          ...warnings,
        ],
        tried: [],
      }
    }
    const verdict = await tryStored(parts, stored, artefact, schema, ({ name }) => active.get(name))
    return {
      reasons: [...ownership, ...reasons, ...verdict.reasons],
      warnings: [...warnings, ...verdict.warnings],
      tried: verdict.tried,
    }
  }

  /** Is every path free that its rules mean? */
  private async paths(
    owners: readonly Owner[],
    others: readonly (Owner & { deployment: number })[],
    described: readonly DeployedService[],
    forced: boolean,
  ): Promise<PathVerdict> {
    const deployments = this.parts.catalog.deployments()
    const number = (deployments.at(-1)?.number ?? 0) + 1
    const all = places([...deployments, { number, hash: '', atMs: 0, forced, services: described }])
    const placeOf = new Map(others.map(({ name, deployment }) => [name, all.get(deployment)!]))
    return validatePaths(owners, others, (other) => all.get(number)! >= placeOf.get(other)!, this.parts.clock)
  }

  /** Services in force but for those of these names, also where they could not be restored: their names are theirs all the same. */
  private served(but: readonly string[]): readonly (Owner & { deployment: number })[] {
    const { catalog, services } = this.parts
    const deployments = new Map(catalog.deployments().map((one) => [one.number, one]))
    const schemas = new Map<string, Schema | undefined>()
    const schemaFor = (contentHash: string) => {
      if (!schemas.has(contentHash)) {
        const bytes = this.artefacts.descriptors(contentHash)
        schemas.set(contentHash, bytes && loadSchema(bytes))
      }
      return schemas.get(contentHash)
    }
    return [...catalog.active()].flatMap(([name, number]) => {
      const deployment = deployments.get(number)
      const deployed = deployment?.services.find((service) => service.name === name)
      if (deployment === undefined || deployed === undefined || but.includes(name)) return []
      const type = services.get(name)?.type ?? schemaFor(deployment.hash)?.services.get(name)
      return type === undefined ? [] : [{ ...deployed, type, deployment: number }]
    })
  }

  private async wireReasons(names: readonly string[], after: Uint8Array): Promise<readonly string[]> {
    const reasons = new Set<string>()
    for (const before of this.descriptorsBefore(names)) {
      for (const reason of await wireBreaks(before, after, this.parts.clock)) reasons.add(reason)
    }
    return [...reasons]
  }

  private jsonWarnings(names: readonly string[], after: Schema): readonly string[] {
    const warnings = new Set<string>()
    for (const descriptors of this.descriptorsBefore(names)) {
      for (const warning of jsonBreaks(names, loadSchema(descriptors), after)) warnings.add(warning)
    }
    return [...warnings]
  }

  /** Descriptors of the last deployment of each service, each once. */
  private descriptorsBefore(names: readonly string[]): readonly Uint8Array[] {
    const deployments = this.parts.catalog.deployments()
    const hashes = names.map(
      (name) => deployments.findLast(({ services }) => services.some((service) => service.name === name))?.hash,
    )
    return [...new Set(hashes)].flatMap((contentHash) => {
      const descriptors = contentHash === undefined ? undefined : this.artefacts.descriptors(contentHash)
      return descriptors === undefined ? [] : [descriptors]
    })
  }

  /** The schema of a component that was deployed, if what is kept of it can be read. */
  private schemaBefore(contentHash: string): Schema | undefined {
    const descriptors = this.artefacts.descriptors(contentHash)
    const read = descriptors && schemaOf(descriptors)
    return read && 'schema' in read ? read.schema : undefined
  }

  /** The views of a component that was deployed, to be queried; undefined where what is kept of it cannot be read. */
  viewsBefore(contentHash: string): ViewsComponent | undefined {
    const descriptors = this.artefacts.descriptors(contentHash)
    const schema = this.schemaBefore(contentHash)
    if (descriptors === undefined || schema === undefined) return undefined
    const types = [...schema.services.values()].filter(({ view }) => view !== undefined)
    return { descriptors: withStandard(descriptors), views: planViews(schema, types, () => {}) }
  }

  private async earlier(number: number): Promise<Artefact | undefined> {
    const deployment = this.parts.catalog.deployments().find((item) => item.number === number)
    try {
      return deployment && (await this.artefacts.stored(deployment.hash))
    } catch (error) {
      // Of another contract, or damaged: then it cannot be asked.
      if (error instanceof Unlinkable) return undefined
      throw error
    }
  }
}

function schemaOf(descriptors: Uint8Array): { schema: Schema } | { reasons: readonly string[] } {
  try {
    return { schema: loadSchema(descriptors) }
  } catch (error) {
    if (error instanceof SchemaError) return { reasons: error.problems }
    throw error
  }
}

/** Storage ids are given later, when nothing can refuse any more. */
function describe(artefact: Artefact, schema: Schema): DeployedService[] {
  const views = artefact.description.viewServices.map(({ name }) => ({
    ...{ name, kind: 'view', persistenceId: name, storage: 0, keyFields: {} },
  }))
  const services = artefact.description.services.map(({ name, kind, persistenceId }) => {
    const keys: Record<string, readonly string[]> = {}
    for (const method of schema.services.get(name)!.methods.values()) {
      // The host knows which entity hears an answer.
      if (method.answers === undefined) keys[method.name] = keyFields(method.input).map((field) => field.name)
    }
    return { name, kind, persistenceId: persistenceId ?? name, storage: 0, keyFields: keys }
  })
  return [...services, ...views]
}

function methodsOf(names: readonly string[], schema: Schema): readonly DeployedMethod[] {
  return names.flatMap((service) =>
    [...schema.services.get(service)!.methods.values()].map((method) => ({
      service,
      method: method.name,
      routes: method.internal ? [] : routesOf(service, method).routes.map(shown),
    })),
  )
}
