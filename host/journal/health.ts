// Health: whether a store works. All that lies in one store fails together, and is refused until it was opened again (journal.J4).
//
// Owns: the word.   The journals and the catalog own: what they were doing.

import { InnkeeperError } from '../errors.ts'

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
    this.warn('storage failed', { err: error })
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
