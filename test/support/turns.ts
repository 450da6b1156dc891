// Turns: how much of something is done in one turn of the loop, at most. So a test sees that long work is done in slices, by its cause.

/** Counts what calls of a method did, by what they answered. The method is replaced on the object itself, or on a prototype. */
export function countedInTurns<T, Name extends keyof T>(
  of: T,
  name: Name,
  units: (answer: T[Name] extends (...parameters: never) => infer Answer ? Answer : never) => number,
): { readonly most: number; readonly all: number } {
  const counted = { most: 0, all: 0 }
  let now = 0
  const method = of[name] as (...parameters: unknown[]) => never
  of[name] = function (this: T, ...parameters: unknown[]) {
    const answer = method.apply(this, parameters)
    // The first of a turn: before whatever this turn asks to be done in the next one.
    if (now === 0)
      setImmediate(() => {
        now = 0
      })
    const count = units(answer)
    now += count
    counted.all += count
    counted.most = Math.max(counted.most, now)
    return answer
  } as T[Name]
  return counted
}
