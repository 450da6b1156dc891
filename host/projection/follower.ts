// Follower: one view that is deployed: the table that answers its queries, and the one that is built to take its place.
//
//   deployed ──▶ next is built ──(caught up)──▶ serves, and follows ──(function, row or sources changed; rebuild; place lost)──▶ next is built …
//
// F1. A table is of one signature: function, row, sources. Another one is another table, of a higher generation; the old one answers until the new one has
//     caught up, and follows as long as its function is at hand.
// F2. Which table serves is a row of the journal. What a crash leaves of others is deleted at a start.
//
// Owns: which tables there are.   projection.ts owns: keeping one up.   views.ts owns: which views there are.

import { hash } from 'node:crypto'
import type { Logger } from 'pino'
import type { Clock } from '../clock.ts'
import { InnkeeperError } from '../errors.ts'
import type { ViewService } from '../services.ts'
import type { TableRef, ViewsComponent } from '../views/component.ts'
import type { Tables } from '../views/tables.ts'
import type { ProjectionParts, ReadPartition } from './projection.ts'
import { Projection } from './projection.ts'
import type { Source } from './sources.ts'

/** A table, as the row of a view names it. */
interface KeptTable {
  readonly file: string
  readonly signature: string
  /** SHA-256 of the component that made it, hex. */
  readonly hash: string
}

export interface KeptView {
  readonly generation: number
  readonly serving?: KeptTable | undefined
  readonly next?: KeptTable | undefined
}

interface FollowerParts {
  readonly tables: Tables
  readonly partitions: readonly ReadPartition[]
  readonly clock: Clock
  readonly log: Logger
  readonly unfit: () => boolean
  readonly replicaOf: ProjectionParts['replicaOf']
  /** Writes the row. */
  readonly keep: (service: string, kept: KeptView) => Promise<void>
  /** The views of a component that was deployed before, by its hash. */
  readonly earlier: (hash: string) => ViewsComponent | undefined
  readonly changed: (follower: Follower) => void
  readonly reached: () => void
}

/** A table that answers, or is to. */
interface Line {
  readonly kept: KeptTable
  readonly table: TableRef
  /** Undefined where its function is not at hand: it stays as it is. */
  readonly projection: Projection | undefined
}

export class Follower {
  service: ViewService
  private readonly parts: FollowerParts
  private generation: number
  private serving: Line | undefined
  private next: Line | undefined
  private sources: readonly Source[] = []
  /** The signature that is to serve. */
  private wanted = ''
  private rebuilds = 0
  /** One change after the other. */
  private turn: Promise<void> = Promise.resolve()
  private stopped = false

  constructor(parts: FollowerParts, service: ViewService, kept: KeptView | undefined) {
    this.parts = parts
    this.service = service
    this.generation = kept?.generation ?? 0
    const { serving, next } = kept ?? {}
    if (serving !== undefined) {
      const component = serving.hash === service.hash ? service.tables : parts.earlier(serving.hash)
      const known = component?.views.some((view) => view.service === service.name) === true
      if (component !== undefined && known)
        this.serving = { kept: serving, table: this.refOf(serving, component), projection: undefined }
    }
    if (next !== undefined && next.hash === service.hash)
      this.next = { kept: next, table: this.refOf(next, service.tables), projection: undefined }
  }

  /** The table that answers. */
  get table(): TableRef | undefined {
    return this.serving?.table
  }

  get files(): readonly string[] {
    return [this.serving, this.next].flatMap((line) => (line === undefined ? [] : [line.kept.file]))
  }

  /** What an operator is told of it. */
  get shown() {
    const { serving, next } = this
    const line = serving ?? next
    const coming = next !== undefined || this.rebuilds > 0 || serving?.kept.signature !== this.wanted
    const built = next?.projection?.built ?? 0
    return {
      state: stateOf(serving, next),
      lag: line?.projection?.lag,
      choked: serving?.projection?.choked,
      nextChoked: next?.projection?.choked,
      rebuild:
        serving === undefined || !coming
          ? undefined
          : { state: next?.projection?.state ?? 'starting', entities: built },
      entities: serving === undefined ? built : undefined,
      table: line?.table,
    }
  }

  /** Up to which commit of a partition its answers reflect the journal. */
  reached(partition: number): number {
    return this.serving?.projection?.reached(partition) ?? 0
  }

  /** The service as it is deployed now, and where its sources lie. */
  update(service: ViewService, sources: readonly Source[]): Promise<void> {
    this.service = service
    this.sources = sources
    const signature = signatureOf(service, sources)
    this.wanted = signature
    return this.inTurn(async () => {
      // Deployed anew meanwhile: that comes next.
      if (this.wanted !== signature) return
      if (this.serving?.kept.signature === signature) {
        await this.forgetNext()
        if (this.serving.projection === undefined) this.serving = this.begun(this.serving.kept)
        return
      }
      if (this.next?.kept.signature === signature) {
        if (this.next.projection === undefined) this.next = this.begun(this.next.kept)
        return
      }
      await this.buildNext(signature)
    })
  }

  /** Builds the table anew, and answers from the old one meanwhile. */
  rebuild(): Promise<void> {
    this.rebuilds += 1
    return this.inTurn(async () => {
      this.rebuilds -= 1
      await this.buildNext(this.wanted)
    })
  }

  /** The host stops. */
  async stop(): Promise<void> {
    this.stopped = true
    await Promise.all([this.serving?.projection?.stop(), this.next?.projection?.stop()])
    await this.turn
  }

  /** The view is no more. */
  async drop(): Promise<void> {
    await this.inTurn(async () => {
      this.stopped = true
      for (const line of [this.serving, this.next]) await this.dropLine(line)
      this.serving = undefined
      this.next = undefined
    })
  }

  private async buildNext(signature: string): Promise<void> {
    if (this.stopped) return
    await this.forgetNext()
    this.generation += 1
    const { name, hash: component } = this.service
    const file = `${hash('sha256', name, 'hex').slice(0, 16)}-${this.generation}.db`
    const kept = { file, signature, hash: component }
    await this.keep(this.serving?.kept, kept)
    this.next = this.begun(kept)
    this.parts.log.info({ view: name, generation: this.generation }, 'a view is built')
  }

  private begun(kept: KeptTable): Line {
    const { tables, partitions, clock, log, unfit, reached, replicaOf } = this.parts
    const table = this.refOf(kept, this.service.tables)
    const projection = new Projection({
      ...{ table, tables, partitions, clock, log, unfit, reached, replicaOf, sources: this.sources },
      caughtUp: () => {
        if (this.next?.projection === projection) void this.inTurn(() => this.swap(projection))
      },
      lost: (why) => {
        log.warn({ view: this.service.name, why }, 'a view is built anew')
        void this.inTurn(() => this.lost(projection))
      },
      changed: () => {
        if (this.serving?.projection === projection) this.parts.changed(this)
      },
    })
    if (!this.stopped) projection.start()
    return { kept, table, projection }
  }

  private async swap(projection: Projection): Promise<void> {
    const { next, serving } = this
    if (this.stopped || next?.projection !== projection) return
    await this.keep(next.kept, undefined)
    this.serving = next
    this.next = undefined
    this.parts.log.info({ view: this.service.name, generation: this.generation }, 'a view is served')
    this.parts.changed(this)
    this.parts.reached()
    await this.dropLine(serving)
  }

  private async lost(projection: Projection): Promise<void> {
    const isNext = this.next?.projection === projection
    if (this.stopped || (!isNext && this.serving?.projection !== projection) || (!isNext && this.next !== undefined))
      return
    await this.buildNext(this.wanted)
  }

  private async forgetNext(): Promise<void> {
    const { next } = this
    if (next === undefined) return
    this.next = undefined
    await this.keep(this.serving?.kept, undefined)
    await this.dropLine(next)
  }

  private async dropLine(line: Line | undefined): Promise<void> {
    if (line === undefined) return
    if (line.projection !== undefined) await line.projection.drop()
    else await this.parts.tables.drop(line.kept.file)
  }

  private keep(serving: KeptTable | undefined, next: KeptTable | undefined): Promise<void> {
    return this.parts.keep(this.service.name, { generation: this.generation, serving, next })
  }

  private inTurn(work: () => Promise<void>): Promise<void> {
    const done = this.turn.then(work)
    this.turn = done.catch((err: unknown) => {
      if (!this.stopped)
        this.parts.log.error({ view: this.service.name, err }, 'the tables of a view could not be changed')
    })
    return this.turn
  }

  private refOf({ file }: KeptTable, component: ViewsComponent): TableRef {
    return { component, service: this.service.name, file }
  }
}

function stateOf(serving: Line | undefined, next: Line | undefined): string {
  if (serving !== undefined) return serving.projection?.state ?? 'old'
  return next?.projection?.state === 'stuck' ? 'stuck' : 'building'
}

function signatureOf({ hash: component, plan }: ViewService, sources: readonly Source[]): string {
  const { queries: _, ...rows } = plan
  const lie = sources.map(({ service, kind, storage, types }) => [service, kind, storage, [...types]])
  return hash('sha256', JSON.stringify([component, rows, lie]), 'hex')
}

/** Nothing answers its queries yet. */
export function notBuilt(view: string, entities: number | undefined, stuck: boolean): InnkeeperError {
  if (stuck)
    return new InnkeeperError(
      'unavailable',
      `${view} cannot be built: its function fails at a change; \`inn views\` tells at which, and another function builds it`,
    )
  const far = entities === undefined ? '' : `; ${entities} entities have been read`
  return new InnkeeperError('unavailable', `${view} is being built${far}; try again in a moment, and see \`inn views\``)
}
