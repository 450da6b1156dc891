// Connectors: the way of a call into the outside world and back.
//
//   call ── grant ── room ── request ── one try ── reading ──▶ done
//            │        │         │          │          │
//         NOT_SENT   wait    NOT_SENT  NOT_SENT or  REFUSED or UNKNOWN
//                                      UNKNOWN
//
// C1. A call is under one state of grants and secrets from its start to its end: a reload in between changes nothing of it. Its answer is looked through
//     for all secrets that there have been: a provider may still know an old one, and may have heard of a new one meanwhile.
// C2. A reload is all or nothing. Connections of a grant that stays as it is stay; others end with what is under way.
// C3. After a try that may have happened no failure says that it did not.
//
// Owns: this way.   requests.ts owns: what is sent.   http.ts, grpc.ts own: sending.   answers.ts owns: what it means.   rates.ts owns: room.

import type { Clock } from '../clock.ts'
import { grpcCodeNames } from '../errors.ts'
import { didYouMean } from '../nearest.ts'
import type { ConnectorRule } from '../schema/schema.ts'
import { type Come, failureOf, isSuccess, readGrpc, readHttp } from './answers.ts'
import type { Answered, ConnectorFigures, GrantShown, Need, Outside, OutsideFile, OutwardCall } from './connector.ts'
import { FetchRefused, type FetchRequest, grantsFor, isPathGranted, pathIn, readFetch } from './fetch.ts'
import { classOf } from './figures.ts'
import { allows, type Grant, linesToAdd, readGrants } from './grants.ts'
import { InForce } from './in-force.ts'
import { Names, type Resolve } from './names.ts'
import { missingOf } from './needs.ts'
import { Redactor } from './redactor.ts'
import { fetchRequest, grpcRequest, httpRequest, NotSent, notGranted } from './requests.ts'
import { readSecrets, type SecretSources, type Secrets, secretNames } from './secrets.ts'
import { type CodeName, numberOf } from './statuses.ts'

export interface ConnectorsParts {
  readonly clock: Pick<Clock, 'now' | 'steady' | 'after' | 'soon'>
  readonly resolve: Resolve
  readonly sources: SecretSources
}

/** What a reload puts in force, as a whole. */
interface State {
  readonly grants: ReadonlyMap<string, InForce>
  readonly secrets: Secrets
  readonly redactor: Redactor
}

/** Secrets that are no more in force and still looked for. */
const formerMax = 1_000

export class Connectors implements Outside {
  private readonly parts: ConnectorsParts
  private readonly names: Names
  /** Not in force any more, with calls under way. */
  private retired: readonly InForce[] = []
  /** Values of secrets that were in force and are no more. */
  private former: readonly string[] = []
  private state: State = { grants: new Map(), secrets: new Map(), redactor: new Redactor([]) }

  constructor(parts: ConnectorsParts) {
    this.parts = parts
    this.names = new Names(parts.resolve)
  }

  enter(call: Pick<OutwardCall, 'place' | 'from' | 'request'>): number {
    try {
      return this.meant(call, this.state).inForce.take(call.from, this.parts.clock.steady())
    } catch {
      // `call` says why.
      return 0
    }
  }

  connectorOf(call: Pick<OutwardCall, 'place' | 'from' | 'request'>): string {
    try {
      return this.meant(call, this.state).inForce.grant.name
    } catch {
      return ''
    }
  }

  refused({ name }: ConnectorRule, service: string, from: string): string | undefined {
    return ungranted(this.state.grants, name, from, service)
  }

  call(call: OutwardCall, done: (answered: Answered) => void): void {
    const { clock } = this.parts
    const { state } = this
    const later = (come: Come, inForce?: InForce) => {
      const answered = settled(call, come, inForce?.grant)
      if (inForce !== undefined && answered.kind === 'failure') inForce.figures.failed(answered.reason)
      clock.soon(() => done(answered))
    }
    try {
      const { inForce, fetch } = this.meant(call, state)
      this.try(call, inForce, fetch, state.secrets, done, later)
    } catch (error) {
      const { code, message } = notSent(error)
      later(failureOf(code, state.redactor.redactedText(message), 'NOT_SENT', true))
    }
  }

  reload({ connectors, secrets: places }: OutsideFile): readonly string[] {
    const { secrets, problems: ofSecrets } = readSecrets(places, this.parts.sources)
    const { grants, problems } = readGrants(connectors, secretNames(places))
    const all = [...ofSecrets, ...problems]
    const next = new Map<string, InForce>()
    for (const grant of grants.values()) {
      const ca = this.authorities(grant, all)
      const known = this.state.grants.get(grant.name)
      const parts = { ...this.parts, names: this.names }
      next.set(grant.name, known?.isOf(grant, ca) === true ? known : new InForce(grant, ca, parts, known?.figures))
    }
    if (all.length > 0) return all
    const left = [...this.state.grants.values()].filter((inForce) => next.get(inForce.grant.name) !== inForce)
    const now = new Set(secrets.values())
    const before = new Set([...this.former, ...this.state.secrets.values()])
    this.former = [...before].filter((secret) => !now.has(secret)).slice(-formerMax)
    this.state = { grants: next, secrets, redactor: new Redactor([...now, ...this.former]) }
    for (const inForce of left) inForce.retire()
    this.retired = [...this.retired, ...left].filter(({ underWay }) => underWay > 0)
    return []
  }

  missing(needs: readonly Need[]): readonly string[] {
    return missingOf(needs, (name) => this.state.grants.get(name)?.grant)
  }

  figures(): readonly ConnectorFigures[] {
    return [...this.state.grants.values()].map(({ figures, underWay }) => figures.shown(underWay))
  }

  granted(): readonly GrantShown[] {
    return [...this.state.grants.values()].map(({ grant }) => ({
      connector: grant.name,
      url: grant.url.href,
      proxy: grant.proxy?.href,
      services: grant.services.map(({ text }) => text),
      paths: grant.paths.map(({ text }) => text),
      headers: grant.headers.map(({ name }) => name),
      timeoutMs: grant.timeoutMs,
      retryMax: grant.retry.max,
      ratePerSecond: grant.ratePerSecond,
      concurrency: grant.concurrency,
    }))
  }

  close(): void {
    for (const inForce of [...this.state.grants.values(), ...this.retired]) inForce.close()
  }

  private authorities({ name, ca }: Grant, problems: string[]): string | undefined {
    if (ca === undefined) return undefined
    try {
      const text = this.parts.sources.file(ca)
      if (text.includes('-----BEGIN CERTIFICATE-----')) return text
      problems.push(`connectors.${name}.ca: the file ${ca} has no certificate in PEM`)
    } catch {
      problems.push(`connectors.${name}.ca: the file ${ca} cannot be read`)
    }
    return undefined
  }

  /** @throws NotSent, FetchRefused */
  private meant(
    call: Pick<OutwardCall, 'place' | 'from' | 'request'>,
    { grants }: State,
  ): { inForce: InForce; fetch: FetchRequest | undefined } {
    const { place, from } = call
    if (place.kind === 'connector') {
      const { name } = place.rule
      const problem = ungranted(grants, name, from, `the connector ${name}`)
      if (problem !== undefined) throw new NotSent('PERMISSION_DENIED', problem)
      return { inForce: grants.get(name)!, fetch: undefined }
    }
    const fetch = readFetch(call.request)
    const all = [...grants.values()].map(({ grant }) => grant)
    const found = grantsFor(fetch.url, all).filter(({ services }) => allows(services, from))
    const grant = found.find((one) => isPathGranted(one, fetch.url))
    if (grant !== undefined) return { inForce: grants.get(grant.name)!, fetch }
    const near = found[0]
    const { origin, pathname } = fetch.url
    throw new NotSent(
      'PERMISSION_DENIED',
      near === undefined
        ? `no grant has ${origin} for ${from}; add ${linesToAdd('NAME', [from], [], origin)} to innkeeper.json`
        : notGranted(near, pathIn(near, fetch.url) ?? pathname),
    )
  }

  /** One try; its room was taken. @throws NotSent, whatever a request cannot be made of */
  private try(
    call: OutwardCall,
    inForce: InForce,
    fetch: FetchRequest | undefined,
    secrets: Secrets,
    done: (answered: Answered) => void,
    later: (come: Come, inForce: InForce) => void,
  ): void {
    const { clock } = this.parts
    const { grant } = inForce
    const startMs = clock.steady()
    const timeoutMs = Math.min(grant.timeoutMs, (call.deadlineMs ?? Number.POSITIVE_INFINITY) - clock.now())
    const ended = (status: string, come: Come) => {
      inForce.figures.ended(status, call.attempt, clock.steady() - startMs)
      const answered = settled(call, come, grant)
      if (answered.kind === 'failure') inForce.figures.failed(answered.reason)
      inForce.give(call.from)
      done(answered)
    }
    const failed = (began: boolean, code: CodeName, what: string) =>
      ended(
        'none',
        failureOf(code, this.state.redactor.redactedText(`${grant.name}: ${what}`), began ? 'UNKNOWN' : 'NOT_SENT'),
      )
    const reading = () => ({ grant, redactor: this.state.redactor, nowMs: clock.now() })
    try {
      if (timeoutMs <= 0) throw new NotSent('DEADLINE_EXCEEDED', 'the time was up before it was sent')
      const { place } = call
      if (place.kind === 'connector' && place.rule.protocol === 'grpc') {
        const made = grpcRequest({ ...call, place }, grant, secrets)
        inForce.line.send({ ...made, message: call.request, timeoutMs, bodyBytes: grant.bodyBytes }, (tried) => {
          if (tried.kind === 'failed') failed(tried.began, tried.code, tried.what)
          else
            ended(
              tried.code === undefined ? classOf(tried.status) : (grpcCodeNames[tried.code] ?? 'UNKNOWN'),
              read(() => readGrpc(tried, reading())),
            )
        })
        return
      }
      const made =
        place.kind === 'connector'
          ? httpRequest({ ...call, place }, grant, secrets)
          : fetchRequest(call, fetch!, grant, secrets)
      const isExcerpt = (status: number) => place.kind === 'connector' && !isSuccess(status)
      inForce.pool.send({ ...made, timeoutMs, bodyBytes: grant.bodyBytes, isExcerpt }, (tried) => {
        if (tried.kind === 'failed') failed(tried.began, tried.code, tried.what)
        else
          ended(
            classOf(tried.status),
            read(() => readHttp(call, tried, reading())),
          )
      })
    } catch (error) {
      const { code, message } = notSent(error)
      inForce.give(call.from)
      later(failureOf(code, this.state.redactor.redactedText(message), 'NOT_SENT', true), inForce)
    }
  }
}

/** What nobody foresaw in an answer is a failure of its call, and not of the host. */
function read(answer: () => Come): Come {
  try {
    return answer()
  } catch (error) {
    const name = error instanceof Error ? error.name : 'unknown'
    return failureOf('INTERNAL', `the answer cannot be read (${name})`, 'UNKNOWN', true)
  }
}

/** Why `from` may not use a connector, with what to add; `what` is told to be missing. */
function ungranted(grants: State['grants'], name: string, from: string, what: string): string | undefined {
  const grant = grants.get(name)?.grant
  if (grant === undefined)
    return `${what} is not granted${didYouMean(name, grants.keys())}; add ${linesToAdd(name, [from])} to innkeeper.json`
  if (allows(grant.services, from)) return undefined
  return `${from} may not use ${what}; add it to "services" of connectors.${name} in innkeeper.json`
}

/** Why nothing was sent. What nobody foresaw was no request either. */
function notSent(error: unknown): { code: CodeName; message: string } {
  if (error instanceof NotSent) return error
  if (error instanceof FetchRefused) return { code: 'INVALID_ARGUMENT', message: error.message }
  // Node's words about a header name it, and nothing of its value.
  return {
    code: 'INTERNAL',
    message: `the request cannot be made: ${error instanceof Error ? error.message : 'unknown'}`,
  }
}

/** With what earlier tries and the grant say. */
function settled({ attempt, unsure }: OutwardCall, come: Come, grant: Grant | undefined): Answered {
  if (come.kind === 'reply') return come
  const { failure, afterMs, status, final } = come
  const { max, on } = grant?.retry ?? { max: 0, on: new Set<string>() }
  const listed = [...on].some((one) => one === String(status) || numberOf(one as CodeName) === failure.code)
  const again = !final && attempt < max && listed
  return {
    kind: 'failure',
    failure,
    reason: unsure ? 'UNKNOWN' : come.reason,
    again,
    afterMs: again ? afterMs : undefined,
  }
}
