// What the committer and its killer agree on.

/** Commits that may be on their way at once: one per entity. */
export const inFlight = 16
export const entities: readonly string[] = Array.from({ length: inFlight }, (_, index) => `entity-${index}`)

/** An event says where it belongs; its length varies, so that commits end anywhere in a block of the log. */
export function text(key: string, sequence: number, random: number): string {
  return `${key} ${sequence} `.padEnd(20 + (random % 5_000), 'x')
}
