// Check: whether what a peer has stored is what it acknowledged.

export interface Tally {
  /** Sum of all counters, as read. */
  readonly sum: number
  readonly acknowledged: number
  /** Asked without an acknowledgement: each may have happened or not. */
  readonly unknown: number
}

/** What is wrong; undefined if nothing is. */
export function wrongOf({ sum, acknowledged, unknown }: Tally): string | undefined {
  const said = `its counters add up to ${sum}, and it acknowledged ${acknowledged}`
  if (sum < acknowledged) return `${said}: ${acknowledged - sum} are lost`
  if (sum > acknowledged + unknown)
    return `${said}, with ${unknown} that may or may not have happened: ${sum - acknowledged - unknown} too many`
  return undefined
}
