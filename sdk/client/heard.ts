// Heard: the newest commit that answers told of, of each partition. Queries of views name them, and so reflect what this client wrote.
//
// H1. One number a partition, the highest. A host has at most 10,000 partitions; what names others is not remembered.

const told = 'x-innkeeper-commit'
export const wanted = 'x-innkeeper-after'

export class Heard {
  private readonly newest = new Map<string, bigint>()

  hear(headers: Headers): void {
    for (const token of headers.get(told)?.split(',') ?? []) {
      const [, partition, number] = /^\s*(\d{1,4}):(\d{1,16})\s*$/.exec(token) ?? []
      if (partition === undefined || number === undefined) continue
      const commit = BigInt(number)
      if (commit > (this.newest.get(partition) ?? -1n)) this.newest.set(partition, commit)
    }
  }

  /** For the header `x-innkeeper-after`; undefined where there is nothing to wait for. */
  get text(): string | undefined {
    if (this.newest.size === 0) return undefined
    return [...this.newest].map(([partition, number]) => `${partition}:${number}`).join(',')
  }

  /** The host is another, or its data directory is older than it was: it does not know these. */
  forget(): void {
    this.newest.clear()
  }
}
