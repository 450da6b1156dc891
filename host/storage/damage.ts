// Damage: bytes of the store that are not what was written. The words for it, and how the engine's own are read.
//
// D1. Damage refuses what was asked for, and nothing else: it is no failure of the store (journal.J4).
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

/** A refusal because of damage: what was asked for cannot be read. */
export function isDamaged(thrown: unknown): thrown is InnkeeperError {
  return thrown instanceof InnkeeperError && thrown.code === 'data_damaged'
}

/** What the engine threw, as damage, or as it is. */
export function asDamage(thrown: unknown): unknown {
  const message = thrown instanceof Error ? thrown.message : ''
  return isCorruption(message) ? new DamagedBlock(sentenceOf(message), { cause: thrown }) : thrown
}

export function isCorruption(message: string): boolean {
  return message.startsWith('Corruption')
}

/** Why a database cannot be opened, and what to do, from what the engine says. */
export function unopenable(message: string): string {
  if (/too many open files/i.test(message))
    return 'too many files are open; raise the limit of open files (`ulimit -n`)'
  if (/no space left/i.test(message)) return 'the disk is full; make room on it'
  const said = sentenceOf(message)
  const [, missing] =
    /No such file or directory: .*?([^/\s]+\/[^/\s:]+)(?:: No such file or directory)?$/.exec(said) ?? []
  if (missing !== undefined) return `${missing} is missing; restore the directory from a backup`
  if (!isCorruption(message)) return said
  // Of its manifest alone RocksDB does not say which file it is.
  return `${said === 'checksum mismatch' ? 'its MANIFEST is damaged' : said}; restore the directory from a backup`
}

/** "Corruption: block checksum mismatch: stored(...) = 1, computed = 2, type = 4  in /data/journal/000022.sst offset 4012 size 4033" */
function sentenceOf(message: string): string {
  const [, file, offset, size] = /in \S*?([^/\s]+\/[^/\s]+\.sst) offset (\d+) size (\d+)/.exec(message) ?? []
  if (file !== undefined) return `${file} is damaged in the ${size} bytes from byte ${offset}`
  return message
    .replace(/^(Corruption: )+/, '')
    .replace(/\s+The file \S+ may be corrupted\.?\s*$/, '')
    .replace(/\S*\/([^/\s]+\/[^/\s]+)/g, '$1')
    .trim()
}

/** For whoever asked for it. The log and `inn doctor` say where; a caller is not told of files. */
export function damagedError(what: string, cause: Error): InnkeeperError {
  const message = `${what} cannot be read: it is damaged, or was written by a newer host; the log and \`inn doctor\` say where`
  return new InnkeeperError('data_damaged', message, cause)
}
