// Services: what is served right now, by name, as one immutable directory that a deployment replaces at once.
//
// S1. A directory never changes; whoever holds one sees one consistent set of services. `current` is the newest.
// S2. A service object belongs to one deployment: a new deployment makes new objects, so identity tells old from new.
// S3. A service that is deployed and cannot be run by this host is known by name and methods: its callers are told so, and are not
//     told that there is no such thing.
//
// Owns: the set and its changes.   Deploy owns: making services.   Router, ingress and reflection read.

import { InnkeeperError, unknownMethod } from './errors.ts'
import type { ServedKind, ServiceDescription, ViewDescription } from './guest/about.ts'
import type { ActionGuest, EventSourcedGuest, ReplicatedGuest, ValueGuest } from './guest/guest.ts'
import type { StorageId } from './journal/journal.ts'
import { keepsState } from './kinds.ts'
import type { MethodType, Schema, ServiceType } from './schema/schema.ts'
import type { ViewsComponent } from './views/component.ts'
import type { ViewPlan } from './views/plan.ts'

export interface Method {
  readonly type: MethodType
  /** The key of one request (key.ts). @throws InnkeeperError `bad_request` where the bytes are not that message. */
  readonly keyOf: (payload: Uint8Array) => string
  /** What a method of a replicated entity sees of the value. */
  readonly view: MethodView
}

export type MethodView =
  | { readonly kind: 'all' }
  | { readonly kind: 'nothing' }
  /** The guest is asked, for each command. */
  | { readonly kind: 'dynamic' }
  /** Reads the element's bytes from a request. @throws InnkeeperError `bad_request` */
  | { readonly kind: 'element'; readonly elementOf: (payload: Uint8Array) => Uint8Array }

interface ServiceOf<Kind extends ServedKind, Guest> {
  readonly kind: Kind
  readonly guest: Guest
  readonly name: string
  readonly type: ServiceType
  readonly schema: Schema
  readonly description: ServiceDescription
  /** 0 for actions and views, which store nothing. */
  readonly storage: StorageId
  readonly persistenceId: string
  /** Number of the deployment that this service object belongs to. */
  readonly deployment: number
  /** Of its component: where a request matches rules of several, the greater one answers. */
  readonly place: number
  /** Snapshots of another version are not used. */
  readonly stateVersion: string
  readonly keyFieldCount: number
  readonly methods: ReadonlyMap<string, Method>
}

export type EventSourcedService = ServiceOf<'event-sourced', EventSourcedGuest>
export type ValueService = ServiceOf<'value', ValueGuest>
export type ReplicatedService = ServiceOf<'replicated', ReplicatedGuest>
export type ActionService = ServiceOf<'action', ActionGuest>
export type EntityService = EventSourcedService | ValueService | ReplicatedService

/** Its methods are queries, which the host answers from a table. */
export interface ViewService extends ServiceOf<'view', undefined> {
  readonly view: ViewDescription
  /** All views of its component: what they are for the processes that keep tables. */
  readonly tables: ViewsComponent
  readonly plan: ViewPlan
  /** SHA-256 of its component, hex. */
  readonly hash: string
}

export type Service = EntityService | ActionService | ViewService

/** It has entities. */
export function isEntityService(service: Service): service is EntityService {
  return keepsState(service.kind)
}

/** A service that is deployed, and whose component this host cannot run. What it stored stays. */
interface Unserved {
  readonly name: string
  readonly deployment: number
  /** Undefined where its descriptors cannot be read: then its paths are not known either. */
  readonly type: ServiceType | undefined
  /** For the operator: what is wrong, and what to do. */
  readonly reasons: readonly string[]
}

export interface Directory {
  readonly services: ReadonlyMap<string, Service>
  readonly unserved: ReadonlyMap<string, Unserved>
}

export class Services {
  private directory: Directory = { services: new Map(), unserved: new Map() }
  /** By storage id; of two that share one, which takes `--force`, the one deployed last. */
  private keepers: ReadonlyMap<StorageId, EntityService> = new Map()
  private readonly listeners: ((directory: Directory) => void)[] = []

  get current(): Directory {
    return this.directory
  }

  get(name: string): Service | undefined {
    return this.directory.services.get(name)
  }

  /** Why a method is not there to be called. */
  missing(service: string, method: string): InnkeeperError {
    if (this.directory.unserved.has(service)) return notServed(service)
    if (this.directory.services.has(service)) return unknownMethod(service, method)
    return new InnkeeperError(
      'unknown_service',
      `no service ${service} is deployed; \`inn services\` lists the deployed ones`,
    )
  }

  /** The service that serves the entities of a storage id, whatever its name is now. */
  keeper(storage: StorageId): EntityService | undefined {
    return this.keepers.get(storage)
  }

  /** Called after each change, with the new directory. */
  onChange(listener: (directory: Directory) => void): void {
    this.listeners.push(listener)
  }

  /** Serve `added` (replacing services of the same name) and no longer serve `removed`, in one step. */
  change(added: readonly Service[], removed: readonly string[] = []): void {
    const services = new Map(this.directory.services)
    const unserved = new Map(this.directory.unserved)
    for (const name of removed) services.delete(name)
    for (const service of added) services.set(service.name, service)
    for (const name of [...removed, ...added.map((service) => service.name)]) unserved.delete(name)
    this.replace({ services, unserved })
  }

  /** These are deployed, and this host cannot run them. */
  leave(left: readonly Unserved[]): void {
    const unserved = new Map(this.directory.unserved)
    for (const service of left) unserved.set(service.name, service)
    this.replace({ ...this.directory, unserved })
  }

  private replace(directory: Directory): void {
    const keepers = new Map<StorageId, EntityService>()
    for (const service of directory.services.values())
      if (isEntityService(service)) keepers.set(service.storage, service)
    this.directory = directory
    this.keepers = keepers
    for (const listener of this.listeners) listener(directory)
  }
}

/** For callers. The reasons are the operator's. */
export function notServed(service: string): InnkeeperError {
  return new InnkeeperError(
    'service_unserved',
    `${service} is deployed, but this host cannot run its component; \`inn services\` shows the reason and the remedy`,
  )
}
