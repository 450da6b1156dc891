// Artefacts: components made ready to run, by linking, and kept in the catalog.
//
// K1. Several components are linked at once, each in a process of its own, as many as there are cores, up to four.
// K2. A stored artefact of another engine version is made again from its component.
//
// Owns: when to link.   link.ts owns: linking.   The catalog owns: what is kept.

import { availableParallelism } from 'node:os'
import type { Logger } from 'pino'
import type { Catalog } from '../catalog/catalog.ts'
import type { Clock } from '../clock.ts'
import type { Artefact } from '../guest/artefact.ts'
import type { Limits } from '../limits.ts'
import { digest } from '../link/digest.ts'
import type { LinkResult } from '../link/link.ts'
import { engineVersion, link } from '../link/link.ts'

const atOnceMax = Math.min(4, availableParallelism())

export interface ArtefactsParts {
  readonly clock: Pick<Clock, 'outside'>
  readonly catalog: Pick<Catalog, 'artefact' | 'component' | 'descriptors' | 'putArtefact'>
  readonly limits: Limits
  readonly log: Logger
  /** Link nothing where the linking process cannot be sealed. */
  readonly sealedOnly?: boolean
  /** Instead of linking: tests keep what was linked. */
  readonly link?: typeof link
}

/** A stored component cannot be run by this version of the host. */
export class Unlinkable extends Error {
  readonly reasons: readonly string[]

  constructor(reasons: readonly string[]) {
    super(reasons.join('; '))
    this.name = 'Unlinkable'
    this.reasons = reasons
  }
}

export class Artefacts {
  private readonly parts: ArtefactsParts
  private running = 0
  private readonly waiting: (() => void)[] = []

  constructor(parts: ArtefactsParts) {
    this.parts = parts
  }

  /** Of an uploaded component; one that was uploaded before is not linked again. */
  async of(component: Uint8Array, contentHash: string, onProgress?: (step: string) => void): Promise<LinkResult> {
    const known = this.parts.catalog.artefact(contentHash, engineVersion)
    return known === undefined ? await this.link(component, onProgress) : { ok: true, artefact: known }
  }

  /** @throws Unlinkable */
  async stored(contentHash: string): Promise<Artefact> {
    const { catalog, log } = this.parts
    const stored = catalog.artefact(contentHash, engineVersion)
    if (stored !== undefined) return stored
    const component = await this.component(contentHash)
    log.info({ hash: contentHash, engine: engineVersion }, 'linking a stored component for this version of the engine')
    const linked = await this.link(component)
    if (!linked.ok) throw new Unlinkable(linked.reasons)
    await catalog.putArtefact(linked.artefact)
    return linked.artefact
  }

  /** Descriptors of a component that was deployed, whatever engine it was linked for. */
  descriptors(contentHash: string): Uint8Array | undefined {
    return this.parts.catalog.descriptors(contentHash)
  }

  /** The bytes as they were uploaded. @throws Unlinkable */
  async component(contentHash: string): Promise<Uint8Array> {
    const { catalog, clock } = this.parts
    const component = catalog.component(contentHash)
    if (component === undefined)
      throw new Unlinkable(['its component is not in the data directory; deploy its file again'])
    if ((await clock.outside(digest(component))) !== contentHash)
      throw new Unlinkable(['its component is damaged in the data directory; deploy its file again'])
    return component
  }

  private async link(component: Uint8Array, onProgress?: (step: string) => void): Promise<LinkResult> {
    if (this.running >= atOnceMax) await new Promise<void>((resolve) => this.waiting.push(resolve))
    else this.running += 1
    try {
      const { clock, limits, sealedOnly = false, link: make = link } = this.parts
      return await clock.outside(make(component, limits, onProgress, { sealedOnly }))
    } finally {
      const next = this.waiting.shift()
      if (next === undefined) this.running -= 1
      else next()
    }
  }
}
