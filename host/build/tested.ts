// Tested: how one test of a service went, in the languages whose tests this package runs.

export interface Tested {
  readonly name: string
  /** Undefined: it passed. */
  readonly failure: string | undefined
}
