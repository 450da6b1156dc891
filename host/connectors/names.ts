// Names: what addresses a host name has, asked for where a connection is made, and checked there.
//
// N1. A connection goes to an address that was checked, or nowhere: the addresses are handed to it, and nobody asks for them again.
// N2. One address that is not allowed refuses the name: of several a client takes any.
// N3. The resolver may hang, and it works in threads that disks need too: at most `askedMax` names are asked for at a time, each once, however many
//     wait for it. Who waits has a time limit of its own.
//
// Leaves to others: which addresses are allowed (address.ts).

import { lookup } from 'node:dns'
import { isIP, type LookupFunction } from 'node:net'
import { type AddressRule, addressProblem } from './address.ts'

export interface Resolved {
  readonly address: string
  readonly family: number
}

/** Asks the machine for all addresses of a name. */
export type Resolve = (name: string, done: (error: Error | undefined, addresses: readonly Resolved[]) => void) => void

export const systemResolve: Resolve = (name, done) =>
  lookup(name, { all: true, order: 'verbatim' }, (error, addresses) => done(error ?? undefined, addresses ?? []))

const askedMax = 2
/** Who gave up waiting for a resolver that hangs is still in its list. */
const heardMax = 1_000

/** The address is not one that the grant allows. The message names name and address. */
export class AddressRefused extends Error {
  constructor(host: string, problem: string) {
    const means = problem.startsWith(host) ? problem : `${host} is ${problem}`
    super(`${means}; allow it in the grant by "addresses", or by "private": true`)
    this.name = 'AddressRefused'
  }
}

type Heard = (error: Error | undefined, addresses: readonly Resolved[]) => void

/** Who waits for a name that is asked for, or will be. */
export class Names {
  private readonly resolve: Resolve
  private readonly waiting = new Map<string, Heard[]>()
  private readonly asked = new Set<string>()

  constructor(resolve: Resolve) {
    this.resolve = resolve
  }

  /** For `net.connect` and what is built on it. It is not asked about literals: see `literalProblem`. */
  lookupFor(rule: AddressRule): LookupFunction {
    return (name, options, done) => {
      this.ask(name, (error, addresses) => {
        const problem = error ?? refused(name, addresses, rule)
        if (problem !== undefined) {
          done(problem as NodeJS.ErrnoException, [])
          return
        }
        if (options.all === true) done(null, addresses as { address: string; family: number }[])
        else done(null, addresses[0]!.address, addresses[0]!.family)
      })
    }
  }

  private ask(name: string, heard: Heard): void {
    const others = this.waiting.get(name)
    if (others !== undefined) {
      if (others.length < heardMax) others.push(heard)
      else heard(new Error(`the resolver does not answer for ${name}`), [])
      return
    }
    this.waiting.set(name, [heard])
    this.next()
  }

  private next(): void {
    for (const name of this.waiting.keys()) {
      if (this.asked.size >= askedMax) return
      if (this.asked.has(name)) continue
      this.asked.add(name)
      this.resolve(name, (error, addresses) => {
        this.asked.delete(name)
        const all = this.waiting.get(name) ?? []
        this.waiting.delete(name)
        for (const heard of all) heard(error, addresses)
        this.next()
      })
    }
  }
}

function refused(name: string, addresses: readonly Resolved[], rule: AddressRule): Error | undefined {
  if (addresses.length === 0) return new Error(`${name} has no address`)
  for (const { address } of addresses) {
    const problem = addressProblem(address, rule)
    if (problem !== undefined) return new AddressRefused(name, problem)
  }
  return undefined
}

/** For a host that is an address already, as a WHATWG URL has it after parsing: any spelling has become one. */
export function literalProblem(hostname: string, rule: AddressRule): AddressRefused | undefined {
  const host = bare(hostname)
  if (isIP(host) === 0) return undefined
  const problem = addressProblem(host, rule)
  return problem === undefined ? undefined : new AddressRefused(host, problem)
}

/** Without the brackets of an IPv6 address. */
export function bare(hostname: string): string {
  return hostname.startsWith('[') ? hostname.slice(1, -1) : hostname
}
