// Health: whether a store works. All that lies in one store fails together, and is refused until it was opened again (journal.J4).
//
// Owns: the word.   The journals and the catalog own: what they were doing.

import { InnkeeperError } from '../errors.ts'
import { DamagedValue } from './damage.ts'

export type Warn = (message: string, fields?: Record<string, unknown>) => void

export class Health {
  broken: InnkeeperError | undefined
  private readonly warn: Warn

  constructor(warn: Warn) {
    this.warn = warn
  }

  fail(error: unknown): void {
    if (this.broken !== undefined) return
    this.broken = new InnkeeperError('storage_unavailable', (error as Error).message, error)
    this.warn('storage failed', { reason: (error as Error).message })
  }

  /** Run an access to the store. What fails breaks all of it; damage refuses what was asked for, as `damaged` says, and breaks nothing. */
  using<T>(run: () => T, damaged: (error: DamagedValue) => Error): T {
    if (this.broken !== undefined) throw this.refusal()
    try {
      return run()
    } catch (error) {
      if (error instanceof InnkeeperError) throw error
      if (error instanceof DamagedValue) throw damaged(error)
      this.fail(error)
      throw this.refusal()
    }
  }

  mended(): void {
    this.broken = undefined
  }

  refusal(): InnkeeperError {
    return new InnkeeperError(
      'storage_unavailable',
      'storage failed and is being reopened; try again in a moment',
      this.broken,
    )
  }
}
