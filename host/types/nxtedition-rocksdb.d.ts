// What store/rocksdb.ts and the benchmark's floor use of the binding, which has no types of its own.
declare module '@nxtedition/rocksdb' {
  interface Batch {
    _put(key: Buffer, value: Buffer, options: { column?: unknown }): void
    _del(key: Buffer, options: { column?: unknown }): void
    _writeSync(options: { sync: boolean }): void
    _closeSync(): void
  }

  export class RocksLevel {
    readonly columns: Record<string, unknown>
    /** Of the open database in this process, also in another thread: `new RocksLevel(handle, options)` shares it. */
    readonly handle: bigint
    constructor(pathOrHandle: string | bigint, options: object)
    open(options?: object): Promise<void>
    close(): Promise<void>
    getProperty(name: string): string
    batch(): Batch
    _clear(options: object, done: (error: Error | null) => void): void
    querySync(options: object): { rows: Buffer[] }
    _getManySync(keys: readonly Buffer[], options: object): (Buffer | undefined | null)[]
  }
}
