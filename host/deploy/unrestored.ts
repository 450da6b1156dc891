// Unrestored: services of a deployment that this host cannot run, and the sentence that says so to the operator.
//
// Owns: the words.   services.ts owns: which they are.   artefacts.ts and interfaces.ts own: why.

export interface Unrestored {
  readonly deployment: number
  readonly services: readonly string[]
  readonly reasons: readonly string[]
}

export function unservedSentence({ deployment, services, reasons }: Unrestored): string {
  return `not served: ${services.join(', ')} (deployment ${deployment}): ${reasons.join('; ')}`
}
