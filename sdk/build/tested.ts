// Tested: how one test of a service went, in the languages whose tests this package runs.

export interface Tested {
  readonly name: string
  /** Undefined: it passed. */
  readonly failure: string | undefined
  /** What the service has logged meanwhile, as `level: text`, where the runner hears it. */
  readonly logs?: readonly string[]
}
