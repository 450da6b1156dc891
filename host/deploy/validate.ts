// Validate: does what a component says of itself hold together, and does it fit what is already deployed?
//
// V1. Every problem is reported at once; each names service, method, field or option (§deploy-1).
//
// Nothing here runs a guest or writes anything.
//
// Owns: Innkeeper's rules (§deploy).   schema/load.ts owns: protobuf's.   linking owns: wasm's.

import type { DeployedService, Deployment } from '../catalog/catalog.ts'
import { systemClock } from '../clock.ts'
import type { Description, ServiceDescription } from '../guest/about.ts'
import { keepsState } from '../kinds.ts'
import type { Limits } from '../limits.ts'
import { planSchedules, schedulesMax } from '../schedules/rules.ts'
import { canBeEmpty, isKeyField, keyFields } from '../schema/entity-key.ts'
import { eventingOptions, scheduleOption } from '../schema/method-options.ts'
import { isOwnService } from '../schema/own-services.ts'
import type { MethodType, Schema, ServiceType } from '../schema/schema.ts'
import { askedMethods } from '../schema/schema.ts'
import { validateAnswers } from './answers.ts'
import { validateConnectors } from './connectors.ts'
import { lineages } from './lineage.ts'
import { validateRules } from './paths.ts'
import { validateViewServices } from './views.ts'
import { validateWatches } from './watches.ts'

/** Something that is wrong with a component. */
interface DescriptionProblem {
  readonly message: string
  /** The element of a .proto that it lies in, as protobuf names it; of an option of a method `pkg.Service.Method#number`. */
  readonly element: string | undefined
}

export function validateDescription(
  description: Description,
  schema: Schema,
  limits: Limits,
): readonly DescriptionProblem[] {
  const problems: DescriptionProblem[] = []
  const report: Report = (message, element) => problems.push({ message, element })
  if (description.services.length === 0 && description.viewServices.length === 0)
    report('No entities were reported by the discover call! describe() must list at least one service.')
  for (const service of description.services) validateService(service, schema, limits, report)
  for (const service of schema.services.values()) validateEventing(service, report)
  validateSchedules(description, schema, report)
  validateAnswers(description, schema, report)
  validateViewServices(description, schema, report)
  validateWatches(description, schema, report)
  validateConnectors(description, schema, report)
  const known = description.services.flatMap(({ name }) => {
    const type = schema.services.get(name)
    return type === undefined ? [] : [{ name, type }]
  })
  validateRules(known, limits, report)
  return problems
}

type Report = (message: string, element?: string) => void

function validateService(service: ServiceDescription, schema: Schema, limits: Limits, report: Report): void {
  const { name } = service
  if (name.length > limits.nameLengthMax)
    report(`${name.slice(0, 64)}...: a service's name may have ${limits.nameLengthMax} characters`, name)
  if (isOwnService(name)) report(`${name}: the host itself serves it; give the service another name`, name)
  const id = service.persistenceId
  if (id !== undefined && (id === '' || id.length > limits.nameLengthMax)) {
    report(`${name}: a persistence id has 1 to ${limits.nameLengthMax} characters`)
  }
  const type = schema.services.get(name)
  if (type === undefined) {
    report(`Service [${name}] not found in descriptors!`)
    return
  }
  if (service.stateType !== undefined && !schema.messages.has(service.stateType)) {
    report(`${name}: the state type ${service.stateType.slice(0, 100)} is not in the descriptors`)
  }
  if (type.methods.size === 0) report(`${name}: has no methods`, name)
  validateStreaming(service, type, report)
  validateViews(service, type, report)
  if (service.kind !== 'action') validateKeyCounts(name, type, report)
  if (service.kind !== 'action') for (const method of type.methods.values()) validateKey(name, method, report)
}

/** The option of Cloudstate is only ignored (build/descriptors.ts says so): its protos run unchanged. */
function validateEventing({ fullName, methods }: ServiceType, report: Report): void {
  for (const { name, eventing } of methods.values()) {
    if (eventing !== 'innkeeper') continue
    report(eventingProblem(`${fullName}.${name}`), `${fullName}.${name}#${eventingOptions.innkeeper}`)
  }
}

/** Of services that are served here: a client's own copy of a .proto starts nothing. */
function validateSchedules({ services }: Description, schema: Schema, report: Report): void {
  let count = 0
  for (const { name, kind } of services) {
    const type = schema.services.get(name)
    if (type === undefined) continue
    for (const method of type.methods.values()) count += method.schedules.length
    if (count > schedulesMax) {
      report(`${name}: a component may have ${schedulesMax} schedules`, name)
      return
    }
    const told = (problem: string, method: string) =>
      report(`${name}.${method}: ${problem}`, `${name}.${method}#${scheduleOption}`)
    if (planSchedules(schema, type, kind !== 'action', systemClock.now(), told).dear) return
  }
}

export function eventingProblem(method: string): string {
  return `${method}: (innkeeper.eventing) is not supported yet: the host neither reads nor writes topics; remove the option`
}

function validateStreaming({ name, kind }: ServiceDescription, type: ServiceType, report: Report): void {
  const methods = askedMethods(type)
  const offending = methods.filter((method) => {
    if (kind === 'action') return false
    return method.clientStreaming || (method.serverStreaming && kind !== 'replicated')
  })
  if (offending.length === 0) return
  const what = kind === 'replicated' ? 'client-streaming' : 'streaming'
  report(
    `${name}: services of kind ${kind} have no ${what} methods, but these are: ${offending.map((method) => method.name).join(', ')}`,
    `${name}.${offending[0]!.name}`,
  )
}

/** What methods see of a replicated value (wit/about.wit). */
function validateViews({ name, kind, views }: ServiceDescription, type: ServiceType, report: Report): void {
  if (views.length > 0 && kind !== 'replicated')
    report(`${name}: only methods of replicated services see a part of their value, but this one is ${kind}`)
  const seen = new Set<string>()
  for (const { method: methodName, view } of views) {
    const shown = methodName.slice(0, 100)
    const method = type.methods.get(methodName)
    if (seen.has(methodName)) report(`${name}.${shown}: its view is declared twice`)
    seen.add(methodName)
    if (method === undefined) report(`${name}: declares a view of ${shown}, but has no such method`)
    else if (view.kind === 'element') validateElement(name, method, view.field, report)
  }
}

function validateElement(service: string, method: MethodType, name: string, report: Report): void {
  const field = method.input.byName.get(name)
  const where = `${service}.${method.name}: the view's field ${name.slice(0, 100)}`
  if (field === undefined) report(`${where} is not in ${method.input.fullName}`)
  else if (field.repeated || field.type.kind === 'map')
    report(`${where} must be a single field`, `${method.input.fullName}.${field.name}`)
}

function validateKey(service: string, { name, input, answers }: MethodType, report: Report): void {
  // The host knows which entity asked.
  if (answers !== undefined) return
  const fields = keyFields(input)
  const where = `${service}.${name}`
  if (fields.length === 0)
    report(`${where}: no field of ${input.fullName} is marked (innkeeper.entity_key) = true`, where)
  for (const field of fields) {
    if (!isKeyField(field))
      report(`${where}: the entity key ${field.name} must be a single scalar field`, `${input.fullName}.${field.name}`)
  }
  for (const field of input.fields) {
    if (!field.allowEmptyKey || (field.entityKey && canBeEmpty(field))) continue
    const why = field.entityKey ? 'is never empty, since 0 and false are keys' : 'is no entity key'
    report(
      `${where}: ${field.name} has (innkeeper.allow_empty_key) and ${why}; remove the option`,
      `${input.fullName}.${field.name}`,
    )
  }
}

/** Keys of one and of two fields never meet (key.ts), so such methods would not see each other's entities. */
function validateKeyCounts(service: string, type: ServiceType, report: Report): void {
  const asked = [...type.methods.values()].filter(({ answers }) => answers === undefined)
  const counts = asked.map((method) => [method.name, keyFields(method.input).length] as const)
  const marked = counts.filter(([, count]) => count > 0)
  if (new Set(marked.map(([, count]) => count)).size <= 1) return
  const list = marked.map(([method, count]) => `${method} ${count}`).join(', ')
  report(`${service}: all methods need the same number of entity key fields, but they have: ${list}`, service)
}

/** What must not change from one deployment of a service to the next (`--force` overrides). */
export function validateUpgrade(
  next: readonly DeployedService[],
  deployments: readonly Deployment[],
): readonly string[] {
  const problems: string[] = []
  for (const service of next) {
    const holder = otherKind(service, deployments)
    if (holder !== undefined)
      problems.push(
        `${service.name}: the persistence id ${service.persistenceId} holds what ${holder.name} stored, which was ${holder.kind}, not ${service.kind} (--force overrides)`,
      )
    const before = lastOf(service.name, deployments)
    // Actions store nothing that would hang on an id or a key.
    if (before === undefined || (!keepsState(before.kind) && !keepsState(service.kind))) continue
    const change = (what: string, was: string, is: string) =>
      problems.push(
        `${service.name}: ${what} was ${was} and would become ${is}; the stored data depends on it (--force overrides)`,
      )
    if (before.kind !== service.kind) change('the kind', before.kind, service.kind)
    if (before.persistenceId !== service.persistenceId)
      change('the persistence id', before.persistenceId, service.persistenceId)
    for (const [method, fields] of Object.entries(service.keyFields)) {
      const were = before.keyFields[method]
      if (were !== undefined && were.join() !== fields.join())
        change(`the entity key of ${method}`, were.join(', '), fields.join(', '))
    }
    const count = (of: DeployedService) => Object.values(of.keyFields)[0]?.length
    if (count(before) !== undefined && count(before) !== count(service)) {
      change('the number of key fields', String(count(before)), String(count(service)))
    }
  }
  return problems
}

/** A component may only replace services of one other: its own earlier versions. Nothing overrides this. */
export function validateOwnership(
  next: readonly DeployedService[],
  deployments: readonly Deployment[],
  active: ReadonlyMap<string, number>,
): readonly string[] {
  const lineage = lineages(deployments)
  const owners = new Map<number, string[]>()
  for (const { name } of next) {
    const deployment = active.get(name)
    if (deployment === undefined) continue
    const owner = lineage.get(deployment)!
    owners.set(owner, [...(owners.get(owner) ?? []), name])
  }
  if (owners.size <= 1) return []
  const parts = [...owners.values()].map((names) => names.join(', '))
  return [`the component takes services of several others (${parts.join(' | ')}); undeploy all but one of them first`]
}

/** Two services of one persistence id would mix their journals. */
export function validatePersistence(
  next: readonly DeployedService[],
  deployments: readonly Deployment[],
  active: ReadonlyMap<string, number>,
): readonly string[] {
  const problems: string[] = []
  const holders = new Map<string, string>()
  for (const [name, number] of active) {
    const service = deployments
      .find((deployment) => deployment.number === number)
      ?.services.find((item) => item.name === name)
    if (service === undefined || !keepsState(service.kind)) continue
    if (!next.some((item) => item.name === name)) holders.set(service.persistenceId, name)
  }
  for (const { name, persistenceId, kind } of next) {
    if (!keepsState(kind)) continue
    const holder = holders.get(persistenceId)
    if (holder !== undefined) {
      const way = next.some((item) => item.name === holder)
        ? 'give each service its own'
        : `which is served; \`inn undeploy ${holder}\` first: its data stays, and this service takes it over`
      problems.push(`${name}: the persistence id ${persistenceId} is that of ${holder}, ${way} (--force overrides)`)
    }
    holders.set(persistenceId, name)
  }
  return problems
}

/** Services that are served by an earlier version of the component and are not in this one: a sentence each. */
export function leftOut(names: readonly string[], active: ReadonlyMap<string, number>): readonly string[] {
  const replaced = new Set(names.map((name) => active.get(name)))
  return [...active]
    .filter(([name, number]) => replaced.has(number) && !names.includes(name))
    .map(
      ([name, number]) =>
        `${name} is not in this component: deployment ${number} continues to serve it; \`inn undeploy ${name}\` stops that`,
    )
}

/** Another service that kept data of another kind under this one's persistence id, and was the last to. */
function otherKind(service: DeployedService, deployments: readonly Deployment[]): DeployedService | undefined {
  if (!keepsState(service.kind)) return undefined
  const last = deployments
    .flatMap(({ services }) => services)
    .findLast(({ kind, persistenceId }) => keepsState(kind) && persistenceId === service.persistenceId)
  return last === undefined || last.name === service.name || last.kind === service.kind ? undefined : last
}

function lastOf(name: string, deployments: readonly Deployment[]): DeployedService | undefined {
  for (const deployment of [...deployments].reverse()) {
    const found = deployment.services.find((service) => service.name === name)
    if (found !== undefined) return found
  }
  return undefined
}
