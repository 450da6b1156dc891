// Address: may the host connect there for a component?
//
// A1. Checked is the address that the connection goes to, never a name: whoever connects asks here about each address that a name has, and uses
//     no other. So a name that means another address later does nothing.
// A2. An IPv4 address within an IPv6 one is what counts: mapped, compatible, translated, NAT64, 6to4. Of ISATAP both count: the network is IPv6.
// A3. Of IPv6 only what is assigned for the whole internet is public (2000::/3 without its exceptions): what nobody has thought of yet is refused.
// A4. `private` allows private networks, loopback, carrier-grade NAT and unique local addresses. Link-local addresses, where clouds keep their
//     credentials, and whatever else is special are allowed only by being named.
//
// Owns: the ranges.   names.ts owns: asking for addresses.   grants.ts owns: what a grant says of them.

import { BlockList, isIP } from 'node:net'

/** What a grant says beyond the public internet. */
export interface AddressRule {
  readonly private: boolean
  /** Ranges (`10.0.0.0/8`) and single addresses that are allowed whatever they are. */
  readonly named: readonly Range[]
}

export interface Range {
  readonly address: string
  readonly prefix: number
  readonly family: 4 | 6
}

interface Kind {
  readonly what: string
  /** `private: true` allows it. */
  readonly inside: boolean
  readonly ranges: BlockList
}

const kinds: readonly Kind[] = [
  kind('private', true, ['10.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16', 'fc00::/7']),
  kind('loopback', true, ['127.0.0.0/8', '::1/128']),
  kind('behind carrier-grade NAT', true, ['100.64.0.0/10']),
  kind('link-local', false, ['169.254.0.0/16', 'fe80::/10']),
  kind('unspecified', false, ['0.0.0.0/8', '::/128']),
  kind('multicast', false, ['224.0.0.0/4', 'ff00::/8']),
  kind('for benchmarks', false, ['198.18.0.0/15', '2001:2::/48']),
  kind('for documentation', false, [
    ...['192.0.2.0/24', '198.51.100.0/24', '203.0.113.0/24', '2001:db8::/32', '3fff::/20'],
  ]),
  kind('of a Teredo tunnel', false, ['2001::/32']),
  kind('behind a NAT64 of the local network', false, ['64:ff9b:1::/48']),
  kind('reserved', false, ['192.0.0.0/24', '192.88.99.0/24', '240.0.0.0/4', '2001::/23', 'fec0::/10']),
]
const globalUnicast = listOf(['2000::/3'])

/** Why a connection may not go there; undefined: it may. `address`: an IP address, as a resolver or a socket writes it. */
export function addressProblem(address: string, rule: AddressRule): string | undefined {
  const scoped = address.indexOf('%')
  const plain = scoped === -1 ? address : address.slice(0, scoped)
  const family = isIP(plain)
  if (family === 0) return `"${address.slice(0, 100)}" is no IP address`
  if (isNamed(plain, rule)) return undefined
  const groups = family === 6 ? groupsOf(plain) : undefined
  const within = groups === undefined ? undefined : ipv4Within(groups)
  if (within !== undefined) {
    // Whatever such an interface is named after, it is in a network of its own.
    const around = isIsatap(groups!) ? kindProblem(plain, 6, rule) : undefined
    if (around !== undefined) return around
    if (isNamed(within, rule)) return undefined
    const problem = kindProblem(within, 4, rule)
    return problem === undefined ? undefined : `${plain}, which means ${problem}`
  }
  return kindProblem(plain, family === 6 ? 6 : 4, rule)
}

function kindProblem(address: string, family: 4 | 6, rule: AddressRule): string | undefined {
  for (const { what, inside, ranges } of kinds) {
    if (!ranges.check(address, family === 6 ? 'ipv6' : 'ipv4')) continue
    return inside && rule.private ? undefined : `${address}, an address that is ${what}`
  }
  if (family === 6 && !globalUnicast.check(address, 'ipv6')) return `${address}, an address that is not public`
  return undefined
}

function isNamed(address: string, { named }: AddressRule): boolean {
  const family = isIP(address)
  return named.some((range) => range.family === family && listOfRange(range).check(address, familyName(range.family)))
}

/** `10.0.0.0/8`, `fd00::/8`, or one address. Undefined: it is none. */
export function rangeOf(text: string): Range | undefined {
  const [address = '', prefix, more] = text.split('/')
  const family = isIP(address)
  if (family === 0 || more !== undefined || address.includes('%')) return undefined
  const longest = family === 4 ? 32 : 128
  if (prefix !== undefined && !/^(0|[1-9]\d{0,2})$/.test(prefix)) return undefined
  const bits = prefix === undefined ? longest : Number(prefix)
  return bits > longest ? undefined : { address, prefix: bits, family: family === 4 ? 4 : 6 }
}

/** The IPv4 address that a request to this one may end at. */
function ipv4Within(groups: readonly number[]): string | undefined {
  const [a, b, c, d, e, f, g, h] = groups as [number, number, number, number, number, number, number, number]
  const low = ipv4(g, h)
  const high = a === 0 && b === 0 && c === 0 && d === 0
  // ::ffff:1.2.3.4, ::ffff:0:1.2.3.4
  if (high && ((e === 0 && f === 0xffff) || (e === 0xffff && f === 0))) return low
  // ::1.2.3.4, but for :: and ::1, which are what they are.
  if (high && e === 0 && f === 0) return g === 0 && h <= 1 ? undefined : low
  if (a === 0x64 && b === 0xff9b && c === 0 && d === 0 && e === 0 && f === 0) return low
  if (a === 0x2002) return ipv4(b, c)
  return isIsatap(groups) ? low : undefined
}

/** An interface that is named by its IPv4 address. */
function isIsatap([, , , , e = 0, f]: readonly number[]): boolean {
  return (e & 0xfdff) === 0 && f === 0x5efe
}

function ipv4(high: number, low: number): string {
  return `${high >> 8}.${high & 255}.${low >> 8}.${low & 255}`
}

/** The eight groups of an address that `isIP` takes for IPv6. */
function groupsOf(address: string): readonly number[] {
  const dotted = /^(.*:)(\d+)\.(\d+)\.(\d+)\.(\d+)$/.exec(address)
  const text =
    dotted === null
      ? address
      : `${dotted[1]}${hex(Number(dotted[2]), Number(dotted[3]))}:${hex(Number(dotted[4]), Number(dotted[5]))}`
  const [head = '', tail] = text.split('::')
  const before = head === '' ? [] : head.split(':')
  const after = tail === undefined || tail === '' ? [] : tail.split(':')
  const zeros = tail === undefined ? 0 : 8 - before.length - after.length
  return [...before, ...new Array<string>(zeros).fill('0'), ...after].map((group) => Number.parseInt(group, 16))
}

function hex(high: number, low: number): string {
  return ((high << 8) | low).toString(16)
}

function kind(what: string, inside: boolean, ranges: readonly string[]): Kind {
  return { what, inside, ranges: listOf(ranges) }
}

function listOf(ranges: readonly string[]): BlockList {
  const list = new BlockList()
  for (const text of ranges) {
    const range = rangeOf(text)!
    list.addSubnet(range.address, range.prefix, familyName(range.family))
  }
  return list
}

const lists = new WeakMap<Range, BlockList>()

function listOfRange(range: Range): BlockList {
  let list = lists.get(range)
  if (list === undefined) {
    list = new BlockList()
    list.addSubnet(range.address, range.prefix, familyName(range.family))
    lists.set(range, list)
  }
  return list
}

function familyName(family: 4 | 6): 'ipv4' | 'ipv6' {
  return family === 4 ? 'ipv4' : 'ipv6'
}
