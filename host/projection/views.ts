// Views: all views that are deployed, and the one door to their queries.
//
// V1. No process is started, and no folder made, before a view is deployed.
// V2. A view that is undeployed is no more: its table goes. One whose component cannot be run stays as it is, and answers nothing.
// V3. A query that names commits is run once all tables that it reads reflect them; else it ends at its deadline. One that names a partition or a
//     commit that is not there is refused. So many may wait as there may be streams, with a share for each client (shares.S2).
//
// Every query comes through `query`: access rules belong there.
// Owns: which views there are.   follower.ts owns: their tables.   live.ts owns: queries that go on.

import { readdirSync } from 'node:fs'
import type { Logger } from 'pino'
import type { Catalog } from '../catalog/catalog.ts'
import type { Clock, Timer } from '../clock.ts'
import { commitHeader } from '../commits.ts'
import { InnkeeperError } from '../errors.ts'
import type { Joining } from '../journal/group-commit.ts'
import { committed } from '../journal/group-commit.ts'
import type { Rows } from '../journal/rows.ts'
import { read, write } from '../journal/rows.ts'
import type { Services, ViewService } from '../services.ts'
import { Shares } from '../shares.ts'
import type { ChokedAt, TableSize, ViewsComponent } from '../views/component.ts'
import type { QueryPlan } from '../views/plan.ts'
import type { GivenTable } from '../views/process/ad-hoc.ts'
import type { Tables } from '../views/tables.ts'
import type { KeptView } from './follower.ts'
import { Follower, notBuilt } from './follower.ts'
import type { ProjectionParts, ReadPartition } from './projection.ts'
import { sourcesOf } from './sources.ts'

interface ViewsParts {
  /** Of the data directory; made when it is first asked for. */
  readonly tables: () => Tables
  /** The folder of the tables. */
  readonly directory: string
  readonly services: Services
  readonly catalog: Pick<Catalog, 'active' | 'deployments'>
  readonly partitions: readonly ReadPartition[]
  /** Of the first partition, where the rows of views lie. */
  readonly rows: Rows
  readonly commits: Joining
  readonly clock: Clock
  /** So many queries may wait for commits. */
  readonly waitersMax: number
  readonly log: Logger
  readonly unfit: () => boolean
  readonly replicaOf: ProjectionParts['replicaOf']
  readonly earlier: (hash: string) => ViewsComponent | undefined
}

/** A commit that a query is to reflect. */
export interface Reached {
  readonly partition: number
  readonly commit: number
}

export interface ViewState {
  readonly service: string
  readonly commits: number
  readonly ms: number
  readonly stuck: boolean
}

/** What a query is to reflect, and who asks for that. */
export interface After {
  readonly commits: readonly Reached[]
  readonly client?: string | undefined
  /** Nobody waits for it any more. */
  readonly gone?: AbortSignal
}

/** What an operator is told. */
export interface ShownView {
  readonly service: string
  /** What it is called in SQL. */
  readonly table: string
  readonly state: string
  readonly lag: { readonly commits: number; readonly ms: number } | undefined
  readonly size: TableSize | undefined
  readonly rebuild: { readonly state: string; readonly entities: number } | undefined
  /** The change that the function of the table that answers cannot project. */
  readonly stuck: string | undefined
  /** That of the table that is built. */
  readonly nextStuck: string | undefined
  readonly missing: readonly string[]
}

export class Views {
  private readonly parts: ViewsParts
  private readonly followers = new Map<string, Follower>()
  /** Undeployed, and not gone yet. */
  private readonly leaving = new Set<string>()
  /** Who waits for a table to reflect a commit. */
  private readonly waiting = new Set<() => void>()
  /** Those of each client. */
  private readonly waiters: Shares
  private readonly listeners = new Set<(service: string) => void>()
  private stopped = false
  private restored = false

  constructor(parts: ViewsParts) {
    this.parts = parts
    this.waiters = new Shares(parts.waitersMax)
  }

  /** All services are back. */
  restore(): void {
    this.restored = true
    this.parts.services.onChange(() => this.reconcile())
    this.reconcile()
    void this.sweep()
  }

  /** Called when rows of a view may have changed. Answers how to stop that. */
  onChange(hear: (service: string) => void): () => void {
    this.listeners.add(hear)
    return () => this.listeners.delete(hear)
  }

  /** Messages of the reply. `after`: commits that it is to reflect. @throws InnkeeperError */
  async query(
    service: ViewService,
    method: string,
    request: Uint8Array,
    deadlineMs: number,
    after: After = { commits: [] },
  ): Promise<readonly Uint8Array[]> {
    const { clock } = this.parts
    const follower = this.followerOf(service.name)
    if (after.commits.length > 0) await this.reach(this.reads(service, method), after, deadlineMs)
    for (;;) {
      const asked = this.planOf(follower, method)
      const { component, plan, files } = asked
      const leftMs = deadlineMs - clock.now()
      if (leftMs <= 0) throw tooLate()
      try {
        return await clock.outside(
          this.parts.tables().query(component, plan, files, request, Number.isFinite(leftMs) ? leftMs : undefined),
        )
      } catch (error) {
        // Its table was given up for a newer one meanwhile.
        if (this.stopped || this.serves(asked)) throw error
      }
    }
  }

  /** Full names of the views that a query reads. */
  reads(service: ViewService, method: string): readonly string[] {
    const plan = service.plan.queries.find((query) => query.method === method)
    return plan?.reads ?? [service.name]
  }

  async list(): Promise<readonly ShownView[]> {
    return await Promise.all([...this.followers.values()].map((follower) => this.show(follower)))
  }

  /** @throws InnkeeperError `unknown_service` */
  async rebuild(service: string): Promise<void> {
    await this.followerOf(service).rebuild()
  }

  /** SQL of an operator over all views. @throws InnkeeperError */
  async sql(text: string, given: readonly GivenTable[], deadlineMs: number) {
    const tables = [...this.followers.values()].flatMap(({ table }) => table ?? [])
    return await this.parts.clock.outside(this.parts.tables().raw(tables, text, deadlineMs, given))
  }

  /** Numbers of the processes that keep tables and run queries. */
  get processes(): Tables['processes'] {
    return this.followers.size === 0 ? { writer: undefined, readers: [] } : this.parts.tables().processes
  }

  /** For metrics. */
  *states(): Iterable<ViewState> {
    for (const [service, { shown }] of this.followers) {
      const { commits = 0, ms = 0 } = shown.lag ?? {}
      yield { service, commits, ms, stuck: shown.choked !== undefined || shown.nextChoked !== undefined }
    }
  }

  async close(): Promise<void> {
    this.stopped = true
    for (const wake of [...this.waiting]) wake()
    await Promise.all([...this.followers.values()].map((follower) => follower.stop()))
  }

  private reconcile(): void {
    if (this.stopped || !this.restored) return
    const { services, catalog } = this.parts
    const { current } = services
    const deployments = catalog.deployments()
    for (const service of current.services.values()) {
      if (service.kind !== 'view') continue
      // Its table is being deleted: it begins anew behind that.
      if (this.leaving.has(service.name)) continue
      let follower = this.followers.get(service.name)
      if (follower === undefined) {
        const kept = read<KeptView>(this.parts.rows, `${prefix}${service.name}`)
        follower = new Follower(this.followerParts(), service, kept)
        this.followers.set(service.name, follower)
      }
      void follower.update(service, sourcesOf(service.view, deployments))
    }
    for (const [name, follower] of this.followers) {
      if (current.services.get(name)?.kind === 'view' || current.unserved.has(name)) continue
      this.followers.delete(name)
      for (const wake of [...this.waiting]) wake()
      this.leaving.add(name)
      void this.drop(name, follower)
    }
  }

  private async drop(name: string, follower: Follower): Promise<void> {
    await follower.drop()
    try {
      await this.keep(name, undefined)
    } catch (err) {
      if (!this.stopped) this.parts.log.error({ view: name, err }, 'the row of a view could not be deleted')
    }
    this.leaving.delete(name)
    this.reconcile()
  }

  private followerParts() {
    const { partitions, clock, log, unfit, earlier, replicaOf } = this.parts
    return {
      ...{ partitions, clock, log, unfit, earlier, replicaOf, tables: this.parts.tables() },
      keep: (service: string, kept: KeptView) => this.keep(service, kept),
      changed: ({ service }: Follower) => {
        for (const hear of this.listeners) hear(service.name)
      },
      reached: () => {
        for (const wake of [...this.waiting]) wake()
      },
    }
  }

  private keep(service: string, kept: KeptView | undefined): Promise<void> {
    return committed(this.parts.commits, (batch) => batch.note([write(`${prefix}${service}`, kept)]))
  }

  private followerOf(name: string): Follower {
    const follower = this.followers.get(name)
    if (follower === undefined && this.leaving.has(name)) throw notBuilt(name, undefined, false)
    if (follower === undefined)
      throw new InnkeeperError('unknown_service', `no view ${name} is deployed; see \`inn views\``)
    return follower
  }

  /** What answers a method now: of the table that serves, which may be of the version before. */
  private planOf(
    follower: Follower,
    method: string,
  ): { readonly component: ViewsComponent; readonly plan: QueryPlan; readonly files: ReadonlyMap<string, string> } {
    const { table, service } = follower
    if (table === undefined) {
      const { entities, state } = follower.shown
      throw notBuilt(service.name, entities, state === 'stuck')
    }
    const { component } = table
    const plan = component.views
      .find((view) => view.service === service.name)!
      .queries.find((query) => query.method === method)
    if (plan === undefined) throw notBuilt(service.name, undefined, follower.shown.nextChoked !== undefined)
    const files = new Map<string, string>()
    for (const name of plan.reads) {
      const other = this.followerOf(name).table
      if (other === undefined || !sameRows(component, other.component, name)) throw notBuilt(name, undefined, false)
      files.set(name, other.file)
    }
    return { component, plan, files }
  }

  private serves({ files }: { readonly files: ReadonlyMap<string, string> }): boolean {
    for (const [name, file] of files) if (this.followers.get(name)?.table?.file !== file) return false
    return true
  }

  /** Until these views reflect these commits (V3). */
  private async reach(
    views: readonly string[],
    { commits, client = '', gone }: After,
    deadlineMs: number,
  ): Promise<void> {
    const { clock } = this.parts
    for (const one of commits) this.check(one)
    const isThere = () =>
      views.every((name) => {
        // By name: it may be undeployed, and deployed again, meanwhile.
        const follower = this.followerOf(name)
        return commits.every(({ partition, commit }) => follower.reached(partition) >= commit)
      })
    if (isThere()) return
    if (!this.waiters.admits(client, 1))
      throw new InnkeeperError('overloaded', 'too many queries wait for commits; try again later')
    const leftMs = Math.min(deadlineMs - clock.now(), waitMsMax)
    this.waiters.take(client, 1)
    let wake: (() => void) | undefined
    let timer: Timer | undefined
    try {
      await new Promise<void>((resolve, reject) => {
        wake = () => {
          try {
            if (this.stopped) throw new InnkeeperError('stopping', 'the host is stopping')
            if (isThere()) resolve()
          } catch (error) {
            reject(error)
          }
        }
        timer = clock.after(Math.max(0, leftMs), () => reject(tooLate()))
        gone?.addEventListener('abort', () => reject(tooLate()), { once: true })
        this.waiting.add(wake)
        wake()
      })
    } finally {
      timer?.cancel()
      this.waiting.delete(wake!)
      this.waiters.give(client, 1)
    }
  }

  /** @throws InnkeeperError `bad_request` */
  private check({ partition, commit }: Reached): void {
    const { partitions } = this.parts
    const last = partitions[partition]?.journal.lastCommit()
    if (last === undefined) {
      const message = `there is no partition ${partition}, only 0 to ${partitions.length - 1}; send what ${commitHeader} said, to the host that said it`
      throw new InnkeeperError('bad_request', message)
    }
    if (commit <= last) return
    const message = `partition ${partition} ends at commit ${last}, before ${commit}; send what ${commitHeader} said, to the host that said it`
    throw new InnkeeperError('bad_request', message)
  }

  private async show(follower: Follower): Promise<ShownView> {
    const { service, shown } = follower
    const { state, lag, rebuild, table } = shown
    const [stuck, nextStuck] = [shown.choked, shown.nextChoked].map((choked) => choked && placeOf(choked))
    const served = this.parts.services.current.services
    const missing = service.view.sources.flatMap((source) => (served.has(source.service) ? [] : [source.service]))
    return {
      ...{ service: service.name, table: service.plan.name, state, lag, rebuild, stuck, nextStuck, missing },
      size: table && (await this.sizeOf(table)),
    }
  }

  private async sizeOf(table: NonNullable<Follower['table']>): Promise<TableSize | undefined> {
    try {
      return await this.parts.clock.outside(this.parts.tables().size(table))
    } catch (error) {
      if (error instanceof InnkeeperError) return undefined
      throw error
    }
  }

  /** Deletes files that no view has (follower.F2). */
  private async sweep(): Promise<void> {
    try {
      const known = new Set([...this.followers.values()].flatMap(({ files }) => files))
      const there = new Set(readdirSync(this.parts.directory).map((name) => name.replace(/-(wal|shm|journal)$/, '')))
      for (const file of there)
        if (/^[0-9a-f]{16}-\d+\.db$/.test(file) && !known.has(file)) await this.parts.tables().drop(file)
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT' && !this.stopped)
        this.parts.log.warn({ err: error }, 'old tables of views could not be deleted')
    }
  }
}

function placeOf({ type, service, entity, sequence, reason }: ChokedAt): string {
  return `${type} of ${service} ${JSON.stringify(entity)}, number ${sequence}: ${reason}`
}

const prefix = 'view/'
/** A client that named no deadline. In milliseconds. */
const waitMsMax = 60_000

function tooLate(): InnkeeperError {
  return new InnkeeperError('deadline_exceeded', 'the deadline passed before the view had come so far')
}

function sameRows(one: ViewsComponent, other: ViewsComponent, service: string): boolean {
  if (one === other) return true
  const rows = ({ views }: ViewsComponent) => {
    const found = views.find((view) => view.service === service)
    return found && JSON.stringify([found.name, found.columns, found.key])
  }
  return rows(one) === rows(other)
}
