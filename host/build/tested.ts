// Tested: how one test of a service went, in the languages whose tests this package runs.

export interface Tested {
  readonly name: string
  /** What the service logged meanwhile. */
  readonly logs?: readonly string[]
  /** Undefined: it passed. */
  readonly failure: string | undefined
}
