// Target: where an effect goes: one small file for each kind of place. The outbox knows when to try; a target knows how, and what an answer means.

import type { Commits } from '../../commits.ts'
import type { EffectEntry } from '../../effect.ts'
import type { Failure } from '../../outcome.ts'

/** What became of one try. */
export type Tried =
  | (TriedAs & {
      /** What its answer tells of. */
      readonly commits?: Commits | undefined
    })
  /** It cannot be tried now any more (`unserved`), and was not. */
  | { readonly kind: 'waits' }

type TriedAs =
  /** Whoever took it has taken its entry out, or is about to. */
  | { readonly kind: 'arrived' }
  /** `again`: it may be another thing later. */
  | {
      readonly kind: 'failed'
      readonly reason: string
      readonly again: boolean
      /** google.rpc.Code of it. */
      readonly code: number
      /** The target has decided so; else it was not reached, or what became of it is not known. */
      readonly decided: boolean
      /** It may have been carried out all the same. */
      readonly unsure: boolean
      /** Not again before so many milliseconds. */
      readonly afterMs?: number | undefined
      readonly failure?: Failure | undefined
    }

export interface Target {
  /** One try. `done` is called once. `hops`: those of the command that arrives. `begins` is called before anything of it is done, which may be later;
   *  where it answers false the effect is awaited no more, and neither is `done`. */
  deliver(entry: EffectEntry, hops: number, begins: () => boolean, done: (tried: Tried) => void): void
  /** Why it cannot be tried now, if that is so. */
  unserved(entry: EffectEntry): string | undefined
}
