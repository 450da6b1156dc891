// Laws: what the host relies on, as each kit checks it with the code that runs in the component.

import { difference, show } from './show.ts'

export class LawBroken extends Error {
  constructor(law: string, expected: unknown, actual: unknown) {
    super(`${law}\n${difference(show(expected), show(actual))}`)
    this.name = 'LawBroken'
  }
}

export const warmDiffers = 'L4: the same input decides otherwise in an instance that has worked before'

/** Instances of one component: a fresh one for each question, and one that has worked before. */
export class Instances<E> {
  readonly name: string
  private readonly fresh: () => E
  private readonly warm: E

  constructor(name: string, fresh: () => E) {
    this.name = name
    this.fresh = fresh
    this.warm = fresh()
  }

  /** Ask both. @throws LawBroken */
  both<T>(ask: (exports: E) => T): T {
    const answer = ask(this.fresh())
    mustBeSame(this.name, warmDiffers, answer, ask(this.warm))
    return answer
  }
}

/** @throws LawBroken */
export function mustBeSame(service: string, law: string, expected: unknown, actual: unknown): void {
  if (show(expected) !== show(actual)) throw new LawBroken(`${service} breaks law ${law}`, expected, actual)
}
