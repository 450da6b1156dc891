// Run: cases of one target, one after the other, each with a seed of its own. The first that fails is told with its seed.

import { Random } from './random.ts'
import { components, lifts, links, operations, plans, replicas, type Target } from './targets.ts'

/** By name; made when it is first asked for. */
export const targets: Readonly<Record<string, () => Target | Promise<Target>>> = {
  lifts,
  plans,
  operations: () => operations,
  replicas: () => replicas,
  components,
  links,
}

export interface Asked {
  readonly target: string
  /** Of the first case; each further one has the next. */
  readonly seed: number
  /** Told before each case: false ends the run. */
  readonly more: (done: number) => boolean
}

/** `made`: in place of the target of this name. @returns how many cases there were. @throws Error that says how to run the failing case alone */
export async function run({ target: name, seed, more }: Asked, made?: Target): Promise<number> {
  const target = made ?? (await targets[name]!())
  let done = 0
  for (; more(done); done++) {
    const own = seed + done
    try {
      await target(new Random(own))
    } catch (cause) {
      throw new Error(`fuzzing ${name} failed; to see it again: npm run soak -- ${name} --seed ${own} --cases 1`, {
        cause,
      })
    }
  }
  return done
}
