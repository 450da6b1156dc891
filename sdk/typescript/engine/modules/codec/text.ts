// Text in the engine.

import { native } from '../native.ts'

export const { decodeText, encodeText } = native

export function wellFormed(text: string): string {
  return (text as string & { toWellFormed(): string }).toWellFormed()
}
