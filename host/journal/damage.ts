// Damage: bytes of the store that are not what was written. The words for it, and how the engine's own are read.
//
// D1. Damage refuses what was asked for, and nothing else: it is no failure of the store (journal.ts J4).
// D2. A sentence names the file and the place in it, without the folder: it may be shown to an operator of any machine.

import { InnkeeperError } from '../errors.ts'

/** A value whose version, checksum or fields are wrong. */
export class DamagedValue extends Error {
  override readonly name: string = 'DamagedValue'
}

/** A block of a table that the engine cannot read: every key in it is out of reach. */
export class DamagedBlock extends DamagedValue {
  override readonly name = 'DamagedBlock'
}

/** What the engine threw, as damage, or as it is. */
export function asDamage(thrown: unknown): unknown {
  const message = thrown instanceof Error ? thrown.message : ''
  return isCorruption(message) ? new DamagedBlock(sentenceOf(message), { cause: thrown }) : thrown
}

export function isCorruption(message: string): boolean {
  return message.startsWith('Corruption')
}

/** "Corruption: block checksum mismatch: stored(...) = 1, computed = 2, type = 4  in /data/journal/000022.sst offset 4012 size 4033" */
function sentenceOf(message: string): string {
  const [, file, offset, size] = /in \S*?([^/\s]+\/[^/\s]+\.sst) offset (\d+) size (\d+)/.exec(message) ?? []
  if (file !== undefined) return `${file} is damaged in the ${size} bytes from byte ${offset}`
  return message.replace(/^Corruption: /, '').replace(/\S*\/([^/\s]+\/[^/\s]+)/g, '$1')
}

/** For whoever asked for it. The log and `inn doctor` say where; a caller is not told of files. */
export function damagedError(what: string, cause: Error): InnkeeperError {
  const message = `${what} cannot be read: it is damaged, or was written by a newer host; the log and \`inn doctor\` say where`
  return new InnkeeperError('data_damaged', message, cause)
}
