// Disk: how much of it each service may have. Past that its commands that write are refused; reads go on.
//
// D1. With `service-disk-bytes-max` no service has more than that.
// D2. Without it the rule is that of shares (shares.ts), of what the host has and what the disk has free: a service with more than an eighth of
//     that leaves an eighth free, or 1 GiB, if that is less. So one alone may have nearly all of the disk, and does not fill it for others.
// D3. Idempotency keys have a bound of their own, with shares: they are promised for hours, so none is forgotten early; a command with a new one
//     is refused.
// D4. A command that only deletes is never refused: it makes room.
//
// Owns: the rules and the refusals.   journal/usage.ts owns: the account.   Entities own: which command writes.

import { InnkeeperError } from './errors.ts'
import type { StorageId } from './journal/journal.ts'
import type { Bytes } from './journal/stored.ts'
import { fits, shareParts } from './shares.ts'

const GiB = 1024 ** 3
/** No more than this need be free for others. */
const reserveMax = GiB

interface DiskParts {
  readonly stored: { readonly usage: Bytes }
  /** Side effects are on disk as well. */
  readonly outbox: { bytesOf(service: string): number; readonly allBytes: number }
  readonly serviceDiskBytesMax: number
  readonly idempotencyBytesMax: number
}

export class Disk {
  /** Bytes that are free on the disk, as of the last look. */
  freeBytes = Number.POSITIVE_INFINITY
  private readonly parts: DiskParts

  constructor(parts: DiskParts) {
    this.parts = parts
  }

  /** What a service has on disk. */
  bytesOf(service: string, storage: StorageId): number {
    const { stored, outbox } = this.parts
    return stored.usage.of(storage) + outbox.bytesOf(service)
  }

  /** Why a service may not write more, if that is so; `keyed`: under a new idempotency key. */
  quota(service: string, storage: StorageId, keyed: boolean): Quota | undefined {
    const { usage } = this.parts.stored
    const { serviceDiskBytesMax, idempotencyBytesMax } = this.parts
    const held = this.bytesOf(service, storage)
    if (held >= serviceDiskBytesMax)
      return {
        refused: 'commands that write',
        why: `${service} has used up the bytes that it may store on disk`,
        figures: `${bytes(held)} of ${bytes(serviceDiskBytesMax)}`,
        remedy: 'delete or purge data that is not needed, or raise service-disk-bytes-max',
      }
    const reserve = Math.min(
      reserveMax,
      Math.floor((usage.all + this.parts.outbox.allBytes + this.freeBytes) / shareParts),
    )
    if (this.freeBytes < reserve && held > reserve)
      return {
        refused: 'commands that write',
        why: `the disk is nearly full, and ${service} has more than its share of it`,
        figures: `${bytes(held)}; ${bytes(this.freeBytes)} are free, and ${bytes(reserve)} are kept for others`,
        remedy: 'delete or purge data that is not needed, or give the host a larger disk',
      }
    if (!keyed) return undefined
    const [keys, all] = [usage.keysOf(storage), usage.allKeys]
    if (fits(idempotencyBytesMax - all - 1, keys + 1, Math.floor(idempotencyBytesMax / shareParts))) return undefined
    return {
      refused: 'commands that write under a new idempotency key',
      why: `${service} has used up its share of the disk for idempotency keys`,
      figures: `${bytes(keys)}, ${bytes(all)} of all services; ${bytes(idempotencyBytesMax)} are allowed`,
      remedy:
        'send commands without a key, wait until older keys are forgotten (idempotency-hours), or raise idempotency-bytes-max',
    }
  }

  /** The same, as a caller of a command that would write is told. */
  refusal(service: string, storage: StorageId, keyed: boolean): InnkeeperError | undefined {
    const quota = this.quota(service, storage, keyed)
    if (quota === undefined) return undefined
    return new InnkeeperError('storage_quota', `${quota.why}; nothing of this command was stored: ${quota.remedy}`)
  }
}

/** Why a service may not write more. */
interface Quota {
  readonly refused: string
  readonly why: string
  /** For the operator; callers need not know them. */
  readonly figures: string
  readonly remedy: string
}

/** For the operator. */
export function quotaSentence({ refused, why, figures, remedy }: Quota): string {
  return `${refused} are refused: ${why} (${figures}); ${remedy}`
}

function bytes(count: number): string {
  return `${count.toLocaleString('en-US')} bytes`
}
