// Views: services of queries that a component projects: what it says of them, against what its .proto says.
//
// V1. A view is a service with (innkeeper.view); row and sources are the same in both. A service with that option is nothing else.
//
// V2. What its .proto says of columns and queries is in order, as far as that is seen without SQLite.
//
// Leaves to others: what only SQLite knows (views/process/check.ts).

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { DeployedService, Deployment } from '../catalog/catalog.ts'
import { systemClock } from '../clock.ts'
import { afterHeader } from '../commits.ts'
import type { Description, ViewDescription } from '../guest/about.ts'
import type { Artefact } from '../guest/artefact.ts'
import type { LoadedGuest } from '../guest/load.ts'
import type { Limits } from '../limits.ts'
import { queryOption, viewOption } from '../schema/method-options.ts'
import type { Schema, ViewRule } from '../schema/schema.ts'
import { withStandard } from '../schema/standard.ts'
import type { Method, Services, ViewService } from '../services.ts'
import type { ViewsComponent } from '../views/component.ts'
import { planViews } from '../views/plan.ts'
import { Tables } from '../views/tables.ts'

/** A replicated value, as it crosses the boundary. */
const replicaType = 'innkeeper.crdt.v1.View'

type Report = (message: string, element?: string) => void

export function validateViewServices(description: Description, schema: Schema, report: Report): void {
  for (const { name } of description.services) {
    if (schema.services.get(name)?.view !== undefined)
      report(`${name}: has (innkeeper.view), so it is a view; define it as one, or remove the option`, name)
  }
  const types = description.viewServices.flatMap(({ name }) => schema.services.get(name) ?? [])
  planViews(schema, types, (problem, service, method) =>
    method === undefined
      ? report(`${service}: ${problem}`, `${service}#${viewOption}`)
      : report(`${service}.${method}: ${problem}`, `${service}.${method}#${queryOption}`),
  )
  for (const view of description.viewServices) {
    const type = schema.services.get(view.name)
    if (type === undefined) report(`${view.name.slice(0, 100)}: the view is not found in the descriptors`)
    else if (type.view === undefined)
      report(`${view.name}: is defined as a view; give its service the option (innkeeper.view)`, view.name)
    else
      validateView(view, type.view, schema, (problem) =>
        report(`${view.name}: ${problem}`, `${view.name}#${viewOption}`),
      )
  }
}

function validateView(view: ViewDescription, rule: ViewRule, schema: Schema, told: (problem: string) => void): void {
  const row = schema.messages.get(rule.row) ?? schema.messages.get(`${packageOf(view.name)}${rule.row}`)
  // Where there is none, planning tells.
  if (row !== undefined && row.fullName !== view.rowType)
    told(`its row is ${row.fullName} in the .proto, and ${view.rowType.slice(0, 100)} in the code`)
  const sources = view.sources.map(({ service }) => service)
  for (const service of rule.from)
    if (!sources.includes(service)) told(`it takes nothing of ${service.slice(0, 100)}, which \`from\` names`)
  for (const { service, kind, types } of view.sources) {
    if (!rule.from.includes(service)) told(`it takes changes of ${service.slice(0, 100)}, which \`from\` does not name`)
    if (kind !== 'event-sourced' && types.length > 1)
      told(`it takes values of ${service} as ${types.length} messages; they are of one`)
    for (const type of types)
      if (!schema.messages.has(type) && !(kind === 'replicated' && type === replicaType))
        told(`it takes ${type.slice(0, 100)}, which is no message of the descriptors`)
  }
}

function packageOf(fullName: string): string {
  return fullName.slice(0, fullName.lastIndexOf('.') + 1)
}

/** What the processes that keep tables are told of a component. Its queries have been checked. */
export function viewsOf(artefact: Artefact, schema: Schema): ViewsComponent {
  const { descriptors, viewServices } = artefact.description
  const types = viewServices.flatMap(({ name }) => schema.services.get(name) ?? [])
  return { descriptors: withStandard(descriptors), views: planViews(schema, types, () => {}), artefact }
}

/** A view as it is served. @throws Error where the artefact is not the deployment's */
export function makeView(
  deployed: DeployedService,
  tables: ViewsComponent,
  { artefact }: LoadedGuest,
  schema: Schema,
  deployment: number,
  place: number,
): ViewService {
  const { name, persistenceId } = deployed
  const view = artefact.description.viewServices.find((one) => one.name === name)
  const type = schema.services.get(name)
  const plan = tables.views.find(({ service }) => service === name)
  if (view === undefined || type === undefined || plan === undefined) throw new Error(`${name} is not in its component`)
  const methods = new Map<string, Method>()
  for (const method of type.methods.values())
    methods.set(method.name, { type: method, keyOf: () => '', view: { kind: 'nothing' } })
  return {
    ...{
      kind: 'view',
      guest: undefined,
      name,
      type,
      schema,
      view,
      tables,
      plan,
      deployment,
      place,
      methods,
      persistenceId,
    },
    ...{ storage: 0, stateVersion: '', keyFieldCount: 1, hash: artefact.hash },
    description: {
      ...{
        name,
        kind: 'action',
        persistenceId: undefined,
        snapshotEvery: 0,
        passivateAfterMs: 0,
        stateType: undefined,
      },
      ...{ stateVersion: undefined, headers: [afterHeader], views: [], events: [] },
    },
  }
}

/** What is wrong with the sources of views, by what is deployed, or was: a clause each. */
export function viewSources(
  { viewServices }: Pick<Description, 'viewServices'>,
  described: readonly DeployedService[],
  deployments: readonly Deployment[],
): { readonly reasons: readonly string[]; readonly warnings: readonly string[] } {
  const reasons: string[] = []
  const warnings: string[] = []
  const known = [...deployments.flatMap(({ services }) => services), ...described]
  for (const { name, sources } of viewServices)
    for (const { service, kind } of sources) {
      const source = known.findLast((one) => one.name === service)
      if (source === undefined)
        warnings.push(`${name}: its source ${service} was never deployed; nothing of it is in the view until it is`)
      else if (source.kind !== kind) reasons.push(`${name}: it takes ${service} as ${kind}, and that is ${source.kind}`)
    }
  return { reasons, warnings }
}

/** Views that this component changes: they are built, and may yet be stuck. */
export function builtAnew(
  { viewServices }: Pick<Description, 'viewServices'>,
  services: Pick<Services, 'get'>,
): readonly string[] {
  return viewServices
    .filter(({ name }) => services.get(name)?.kind === 'view')
    .map(
      ({ name }) =>
        `${name}: its table is built anew, and the old one answers until then; \`inn views\` tells how far it is`,
    )
}

/** What SQLite has against the queries of a component: a sentence each. Tables for it are made in a folder that goes again.
 *  @throws InnkeeperError where no process can be started for it */
export async function queryProblems(artefact: Artefact, schema: Schema, limits: Limits): Promise<readonly string[]> {
  if (artefact.description.viewServices.length === 0) return []
  const folder = mkdtempSync(join(tmpdir(), 'innkeeper-views-'))
  const tables = new Tables(folder, limits, systemClock, () => {})
  try {
    return queryReasons(await tables.check(viewsOf(artefact, schema)))
  } finally {
    await tables.close()
    rmSync(folder, { recursive: true, force: true })
  }
}

export function queryReasons(problems: Awaited<ReturnType<Tables['check']>>): readonly string[] {
  return problems.map(({ service, method, problem }) => `${service}.${method}: ${problem}`)
}
