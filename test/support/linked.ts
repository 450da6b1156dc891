// Linked: what linking makes of a component, kept like the components themselves, for hosts whose tests are not about linking.
//
// L1. Only what was linked is kept; a refusal is found anew each time.

import { deserialize, serialize } from 'node:v8'
import type { Artefact } from '../../host/guest/artefact.ts'
import { type LinkResult, link } from '../../host/link/link.ts'
import { cached } from './cached.ts'

class Refusal extends Error {
  readonly result: LinkResult

  constructor(result: LinkResult) {
    super('refused')
    this.result = result
  }
}

export const linked: typeof link = async (component, limits, onProgress = () => {}, options = {}) => {
  if (options.sealedOnly === true) return await link(component, limits, onProgress, options)
  try {
    const bytes = await cached(import.meta.url, [component, JSON.stringify(limits)], async () => {
      const result = await link(component, limits, onProgress, options)
      if (!result.ok) throw new Refusal(result)
      return serialize(result.artefact)
    })
    return { ok: true, artefact: deserialize(bytes) as Artefact }
  } catch (thrown) {
    if (thrown instanceof Refusal) return thrown.result
    throw thrown
  }
}
