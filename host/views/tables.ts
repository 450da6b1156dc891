// Tables: the files of all views of a data directory, written and queried in processes of their own: neither holds the loop of commands, and no SQL
// runs in the host.
//
// B1. A write is applied in the order of asking. Where the process ends in the middle of it, it was written as a whole or not at all: `open` tells,
//     by the offsets.
// B2. `close` ends all processes within a second.
//
// Owns: what is asked of which process.   The caller owns: which files there are, and what is written to them.

import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import type { Clock } from '../clock.ts'
import { InnkeeperError } from '../errors.ts'
import type { Limits } from '../limits.ts'
import type { Batch, OffsetRecord, SourceRecord, TableRef, TableSize, ViewsComponent, Written } from './component.ts'
import type { QueryPlan } from './plan.ts'
import { sqlMax, viewsOfQueryMax } from './plan.ts'
import type { GivenTable, RawResult } from './process/ad-hoc.ts'
import { Gone } from './process/child.ts'
import type { ReaderOptions, ReaderRequest, TableName, WriterRequest } from './process/protocol.ts'
import type { Answer } from './process/queries.ts'
import { Readers } from './readers.ts'
import { isName, tokensOf } from './sql.ts'
import { Components, Standing } from './standing.ts'

/** What one query may take; how many processes run them; memory of each process, beyond what Node takes. */
type TablesLimits = Pick<Limits, 'viewsQueryMs' | 'viewsRowsMax' | 'viewsBytesMax' | 'viewsReaders' | 'viewsMemoryMib'>

/** Checks try a query several times, on little. */
const checkTimes = 5
const problemsMax = 10
/** Processes that wait end by themselves; all others are killed. */
const closeMs = 300

export class Tables {
  private readonly directory: string
  private readonly limits: TablesLimits
  private readonly components = new Components()
  private readonly writer: Standing
  private readonly standing: readonly Standing[]
  private readonly readers: Readers

  /** @param directory the folder of the tables, made if it is not there. No process is started before it is needed
   *  @param log a line of one of the processes */
  constructor(directory: string, limits: TablesLimits, clock: Clock, log: (line: string) => void) {
    this.directory = directory
    this.limits = limits
    mkdirSync(directory, { recursive: true })
    const { viewsRowsMax: rowsMax, viewsBytesMax: bytesMax, viewsMemoryMib: memoryMiB, viewsReaders } = limits
    const argument = JSON.stringify({ rowsMax, bytesMax } satisfies ReaderOptions)
    const make = (script: 'reader' | 'writer') =>
      new Standing({ script, directory, argument, memoryMiB, log }, this.components, clock)
    this.writer = make('writer')
    this.standing = Array.from({ length: viewsReaders }, () => make('reader'))
    this.readers = new Readers(this.standing, memoryMiB * 1024 * 1024, clock)
  }

  /** For metrics: processes that were killed for time or memory, and that ended by themselves. */
  get ended(): { readonly killed: number; readonly crashed: number } {
    const crashed = [this.writer, ...this.standing].reduce((sum, { crashes }) => sum + crashes, 0)
    return { killed: this.readers.killed, crashed }
  }

  /** Numbers of the processes that are there now. */
  get processes(): { readonly writer: number | undefined; readonly readers: readonly number[] } {
    return { writer: this.writer.pid, readers: this.standing.flatMap(({ pid }) => pid ?? []) }
  }

  /** What is wrong with a component's queries, up to `problemsMax`: a clause each. @throws InnkeeperError */
  async check(
    component: ViewsComponent,
  ): Promise<readonly { readonly service: string; readonly method: string; readonly problem: string }[]> {
    const found: { readonly service: string; readonly method: string; readonly problem: string }[] = []
    // One by one: other readers are for callers, and a query that does not end takes a while to be told.
    for (const { service, method } of component.views.flatMap((view) => view.queries)) {
      if (found.length >= problemsMax) break
      for (const problem of await this.checkOne(component, service, method)) found.push({ service, method, problem })
    }
    return found
  }

  /** Opens a table, or makes it, and answers up to where it reflects the journal.
   *  @throws InnkeeperError `data_damaged`: drop it and build it anew; so do all others */
  open(table: TableRef): Promise<readonly OffsetRecord[]> {
    return this.write(table, { kind: 'open', ...this.nameOf(table) })
  }

  apply(table: TableRef, batch: Batch): Promise<Written> {
    return this.write(table, { kind: 'apply', ...this.nameOf(table), batch })
  }

  /** Messages of rows, in the order of their keys; undefined: there is none. */
  rows(table: TableRef, keys: readonly string[]): Promise<readonly (Uint8Array | undefined)[]> {
    return this.write(table, { kind: 'rows', ...this.nameOf(table), keys })
  }

  sources(
    table: TableRef,
    of: readonly Pick<SourceRecord, 'service' | 'entity'>[],
  ): Promise<readonly (SourceRecord | undefined)[]> {
    return this.write(table, { kind: 'sources', ...this.nameOf(table), of })
  }

  /** Brings what was applied to the disk, and answers the offsets up to which the journal may be trimmed. */
  checkpoint(table: TableRef): Promise<readonly OffsetRecord[]> {
    return this.write(table, { kind: 'checkpoint', ...this.nameOf(table) })
  }

  size(table: TableRef): Promise<TableSize> {
    return this.write(table, { kind: 'size', ...this.nameOf(table) })
  }

  /** Deletes the files of a table. Queries that run on it end as if it were there. */
  async drop(file: string): Promise<void> {
    const path = this.pathOf(file)
    await this.readers.tell({ kind: 'forget', path })
    await this.ofWriter([], { kind: 'drop', path })
  }

  /** Messages of the reply: of a live query one, that holds the rows.
   *  @param files of the views that it reads, by service
   *  @throws InnkeeperError */
  async query(
    component: ViewsComponent,
    { service, method, reads }: QueryPlan,
    files: ReadonlyMap<string, string>,
    request: Uint8Array,
    deadlineMs?: number,
  ): Promise<readonly Uint8Array[]> {
    const paths = reads.map((read) => this.pathOf(files.get(read)!))
    const asked: ReaderRequest = {
      ...{ kind: 'query', component: this.components.numberOf(component) },
      ...{ service, method, paths, request },
    }
    const { bytes, ends } = await this.readers.run<Answer>([component], asked, this.limits.viewsQueryMs, deadlineMs)
    return Array.from(ends, (end, at) => bytes.subarray(at === 0 ? 0 : ends[at - 1], end))
  }

  /** SQL of an operator over these tables; those that it does not name are left alone.
   *  @param given tables of the host's own, beside them
   *  @throws InnkeeperError `bad_request` with what SQLite says */
  raw(
    tables: readonly TableRef[],
    sql: string,
    deadlineMs?: number,
    given: readonly GivenTable[] = [],
  ): Promise<RawResult> {
    if (sql.length > sqlMax) throw new InnkeeperError('bad_request', `the statement has more than ${sqlMax} characters`)
    const words = new Set(
      tokensOf(sql)
        .filter(isName)
        .map(({ text }) => text.toLowerCase()),
    )
    const named = tables.filter(({ component, service }) =>
      words.has(component.views.find((view) => view.service === service)?.name ?? ''),
    )
    if (named.length > viewsOfQueryMax)
      throw new InnkeeperError(
        'bad_request',
        `the statement reads ${named.length} views, ${viewsOfQueryMax} are possible`,
      )
    return this.readers.run(
      [...new Set(named.map(({ component }) => component))],
      { kind: 'raw', tables: named.map((table) => this.nameOf(table)), given, sql },
      this.limits.viewsQueryMs,
      deadlineMs,
    )
  }

  async close(): Promise<void> {
    this.readers.close()
    await Promise.all([this.writer, ...this.standing].map((one) => one.close(closeMs)))
  }

  private async checkOne(component: ViewsComponent, service: string, method: string): Promise<readonly string[]> {
    const asked: ReaderRequest = {
      ...{ kind: 'check', component: this.components.numberOf(component), service, method },
    }
    try {
      return await this.readers.run([component], asked, checkTimes * this.limits.viewsQueryMs)
    } catch (error) {
      if (!(error instanceof InnkeeperError)) throw error
      if (error.code === 'deadline_exceeded') return [`does not end in time on a few rows: ${error.message}`]
      if (error.code === 'query_too_large') return [`takes too much memory on a few rows: ${error.message}`]
      throw error
    }
  }

  private write<Value>({ component }: TableRef, request: WriterRequest): Promise<Value> {
    return this.ofWriter([component], request)
  }

  private async ofWriter<Value>(components: readonly ViewsComponent[], request: WriterRequest): Promise<Value> {
    try {
      return await this.writer.ask<Value>(components, request)
    } catch (error) {
      if (!(error instanceof Gone)) throw error
      throw new InnkeeperError('unavailable', 'the process that writes views ended; open the table again', error)
    }
  }

  private nameOf({ component, service, file }: TableRef): TableName {
    return { component: this.components.numberOf(component), service, path: this.pathOf(file) }
  }

  private pathOf(file: string): string {
    if (!/^[\w.-]{1,200}$/.test(file) || file.startsWith('.')) throw new Error(`${file} is no name of a table's file`)
    return join(this.directory, file)
  }
}
