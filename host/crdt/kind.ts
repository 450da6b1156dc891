// Kind: the eight kinds of replicated values, numbered as in innkeeper.crdt.v1.Kind.
//
// The numbers are on disk and between peers (encode.ts): none is ever given to another kind.

export const kind = {
  gCounter: 1,
  pnCounter: 2,
  gSet: 3,
  orSet: 4,
  lwwRegister: 5,
  flag: 6,
  orMap: 7,
  vote: 8,
} as const

export type Kind = (typeof kind)[keyof typeof kind]

export const kindName = {
  1: 'GCounter',
  2: 'PNCounter',
  3: 'GSet',
  4: 'ORSet',
  5: 'LWWRegister',
  6: 'Flag',
  7: 'ORMap',
  8: 'Vote',
} as const satisfies Record<Kind, string>

export function isKind(number: number): number is Kind {
  return number >= 1 && number <= 8
}
