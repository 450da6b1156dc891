// Laws: what the host relies on, as each kit checks it with the code that runs in the component.

import { difference, show } from './show.ts'

export class LawBroken extends Error {
  constructor(law: string, expected: unknown, actual: unknown) {
    super(`${law}\n${difference(show(expected), show(actual))}`)
    this.name = 'LawBroken'
  }
}

/** @throws LawBroken */
export function mustBeSame(service: string, law: string, expected: unknown, actual: unknown): void {
  if (show(expected) !== show(actual)) throw new LawBroken(`${service} breaks law ${law}`, expected, actual)
}
