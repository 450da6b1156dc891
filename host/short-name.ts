// Short name: a service called by the end of its name, after a dot: `Counter` or `v1.Counter` for `examples.counter.v1.Counter`.
//
// S1. A whole name means itself, whatever else ends so.
// S2. An end that several names have means none of them: the words name them all.
//
// Leaves to others: what to say where no name is meant (nearest.ts has what is near).

/** The name that is meant, if one is. */
export function meant(
  names: readonly string[],
  given: string,
): { readonly name?: string; readonly ambiguous?: string } {
  if (names.includes(given)) return { name: given }
  const [name, ...others] = names.filter((one) => one.endsWith(`.${given}`))
  if (name === undefined) return {}
  if (others.length === 0) return { name }
  return { ambiguous: `${given} may be ${[name, ...others].join(' or ')}; say more of the name` }
}
