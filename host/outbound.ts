// Outbound: what leaves a host: connectors, and the effects and forwards that go to them: composed for a host.
//
// B1. A service is a connector to whose component declares it, and to nobody else: what another component says under the same name changes no call.
//
// Owns: putting these together.   connectors/ and delivery/targets/outside.ts own: all that they do.

import type { Logger } from 'pino'
import type { Chance, Clock } from './clock.ts'
import type { Command } from './command.ts'
import type { Config } from './config.ts'
import { ConfigError, readOutside, secretSources } from './config-file.ts'
import type { ConnectorFigures, GrantShown, Outside, Place } from './connectors/connector.ts'
import { Connectors } from './connectors/connectors.ts'
import { systemResolve } from './connectors/names.ts'
import type { Places } from './delivery/chains.ts'
import type { Outbox } from './delivery/outbox.ts'
import { OutsideTarget, traceparentOf } from './delivery/targets/outside.ts'
import type { Target } from './delivery/targets/target.ts'
import { isFetch, needsOf } from './deploy/connectors.ts'
import type { EffectEntry } from './effect.ts'
import { noMetadata } from './metadata.ts'
import type { Partitions } from './partition.ts'
import type { ConnectorRule } from './schema/schema.ts'
import type { Services } from './services.ts'

interface OutboundParts {
  /** Where innkeeper.json is. */
  readonly directory: string
  readonly log: Logger
  readonly outside: Outside
  readonly services: Services
  readonly clock: Clock
  readonly chance: Chance
  /** The directory was copied or restored, and nobody has said yet that it is to act. */
  readonly held: () => boolean
  /** Made after this, since their targets are. */
  readonly outbox: () => Outbox
  readonly partitions: () => Partitions
}

/** Figures only where the connector was used. */
export type ShownConnector = GrantShown & Partial<Omit<ConnectorFigures, 'connector'>> & { readonly waiting: number }

export class Outbound {
  readonly outside: Outside
  readonly target: OutsideTarget
  private readonly parts: OutboundParts

  constructor(parts: OutboundParts) {
    this.parts = parts
    this.outside = parts.outside
    const { outside, clock, held, outbox } = parts
    this.target = new OutsideTarget({
      ...{ outside, clock },
      placeOf: (by, service, method) => this.placeOf(by, service, method),
      waits: (by, service) => this.waits(by, service),
      held: () => (held() ? heldSentence : undefined),
      awaits: (entry) => outbox().awaits(entry),
      arrive: (entry, became, done) => this.arrive(entry, became, done),
      freshKey: () => this.freshKey(),
    })
  }

  readonly outward: Places['outward'] = (by, service, metadata = noMetadata) => {
    if (this.ruleOf(by, service) === undefined) return undefined
    const traceparent = traceparentOf(metadata)
    return { by, key: this.freshKey(), unsure: false, ...(traceparent !== undefined && { traceparent }) }
  }

  /** Of a forward. */
  readonly leaves = ({ by, service }: Command): boolean =>
    by !== undefined && this.ruleOf(by.service, service) !== undefined

  /** innkeeper.json is in force as it is now. Answers what is wrong with it; then nothing has changed. @throws ConfigError */
  reread(): readonly string[] {
    const problems = this.outside.reload(readOutside(this.parts.directory))
    if (problems.length === 0) this.look()
    return problems
  }

  /** The same, where the log is who is told. */
  rereadLoudly(): void {
    const { log } = this.parts
    try {
      const problems = this.reread()
      if (problems.length > 0) log.error({ problems }, 'innkeeper.json: connectors and secrets stay as they were')
      else {
        log.info({ connectors: this.outside.granted().length }, 'connectors and secrets were read again')
        this.warn()
      }
    } catch (error) {
      log.error({ err: error }, 'innkeeper.json: connectors and secrets stay as they were')
    }
  }

  /** What is granted, with what has come of it. */
  shown(): readonly ShownConnector[] {
    const figures = new Map(this.outside.figures().map((one) => [one.connector, one]))
    return this.outside.granted().map((grant) => {
      const { connector: _, ...known } = figures.get(grant.connector) ?? { connector: '' }
      return { ...grant, ...known, waiting: this.target.waitingAt(grant.connector) }
    })
  }

  /** What deployed services need and innkeeper.json does not grant: their calls wait (outside.X3). Each with what to add. */
  lacking(): readonly string[] {
    const components = Map.groupBy(this.parts.services.current.services.values(), ({ schema }) => schema)
    const problems = [...components].flatMap(([schema, services]) =>
      this.outside.missing(needsOf({ services: services.filter(({ kind }) => kind !== 'view') }, schema)),
    )
    return [...new Set(problems)]
  }

  /** To the log: what is lacking. */
  warn(): void {
    const lacking = this.lacking()
    if (lacking.length > 0) this.parts.log.warn({ lacking }, 'calls wait for what innkeeper.json does not grant')
  }

  /** What is granted has changed, or nothing is held any more. */
  look(): void {
    this.target.look()
    this.parts
      .outbox()
      .served()
      .catch((err: unknown) => this.parts.log.error({ err }, 'effects that waited for a grant could not be tried'))
  }

  stop(): void {
    this.target.stop()
    this.outside.close()
  }

  private ruleOf(by: string, service: string): ConnectorRule | undefined {
    return this.parts.services.get(by)?.schema.services.get(service)?.connector
  }

  private placeOf(by: string, service: string, method: string): Place | undefined {
    const schema = this.parts.services.get(by)?.schema
    const type = schema?.services.get(service)
    const found = type?.methods.get(method)
    if (schema === undefined || type?.connector === undefined || found === undefined) return undefined
    if (isFetch(service)) return { kind: 'fetch' }
    return { kind: 'connector', rule: type.connector, service, method: found, schema }
  }

  /** Why nothing of the service `by` can be sent there before something is deployed or granted. */
  private waits(by: string, service: string): string | undefined {
    const { services, outside } = this.parts
    const sender = services.get(by)
    if (sender === undefined) return `${by} is not deployed; what it sends to ${service} waits until it is`
    const rule = this.ruleOf(by, service)
    if (rule === undefined)
      return `${by} no longer declares ${service} as a connector; deploy a version that does, or drop what it sent there`
    return isFetch(service) ? undefined : outside.refused(rule, service, by)
  }

  private arrive(entry: EffectEntry, became: EffectEntry | undefined, done: (error: Error | undefined) => void): void {
    const { placement, all } = this.parts.partitions()
    const { keeper } = all[placement.ofEffect(entry.id)]!
    const sending = became === undefined ? { enqueued: [], arrived: [entry.id] } : { enqueued: [became], arrived: [] }
    const full = keeper.keep(
      sending,
      () => {},
      (error) => {
        if (error === undefined && became !== undefined)
          this.parts.outbox().run([became], Number.POSITIVE_INFINITY, () => {})
        done(error)
      },
    )
    if (full !== undefined) done(full)
  }

  private freshKey(): string {
    return base32(this.parts.chance.seed())
  }
}

/** What innkeeper.json says of it. `again`: a serving thread ended before this one, and it may have been told to read that file anew.
 *  @throws ConfigError */
export function outsideOf(
  { directory, outside }: Pick<Config, 'directory' | 'outside'>,
  clock: Clock,
  again: boolean,
): Outside {
  const made = new Connectors({ clock, resolve: systemResolve, sources: secretSources(process.env) })
  // With a problem in it by now: what was in force at the start.
  if (again && isInForce(made, directory)) return made
  const problems = made.reload(outside)
  if (problems.length > 0) throw new ConfigError(problems.map((problem) => `innkeeper.json: ${problem}`))
  return made
}

function isInForce(made: Connectors, directory: string): boolean {
  try {
    return made.reload(readOutside(directory)).length === 0
  } catch (error) {
    if (error instanceof ConfigError) return false
    throw error
  }
}

/** What leaves the host goes to its connector, and all else to the router. */
export function targets(command: Target, outside: Target): Target {
  const of = ({ outward }: EffectEntry) => (outward === undefined ? command : outside)
  return {
    deliver: (entry, hops, begins, done) => of(entry).deliver(entry, hops, begins, done),
    unserved: (entry) => of(entry).unserved(entry),
  }
}

const heldSentence = 'the data directory was copied or restored: nothing leaves this host before `inn effects resume`'

const digits = 'abcdefghijklmnopqrstuvwxyz234567'

/** Of 16 bytes: 26 characters. */
function base32(bytes: Uint8Array): string {
  let text = ''
  let [bits, held] = [0, 0]
  for (const byte of bytes) {
    held = ((held << 8) | byte) & 0xffff
    bits += 8
    for (; bits >= 5; bits -= 5) text += digits[(held >> (bits - 5)) & 31]
  }
  return bits === 0 ? text : text + digits[(held << (5 - bits)) & 31]
}
