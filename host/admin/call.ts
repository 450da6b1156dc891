// Call: a request of an operator and its result, as data: between the thread that has the admin port and the one that has the host.

/** Where components are uploaded. */
export const uploadPath = '/v1/components'

export interface AdminResult {
  readonly status?: number
  /** Of a path that has other methods. */
  readonly allow?: string
  readonly json?: unknown
  readonly text?: string
  readonly contentType?: string
}

/** A request that has passed the doors. Plain data but for its ends. */
export interface AdminCall {
  readonly method: string
  /** Still encoded, without query. */
  readonly path: string
  readonly query: string
  readonly body: Uint8Array
  readonly wantsLines: boolean
}

interface AdminEnds {
  readonly line: (value: unknown) => Promise<void>
  readonly closed: Promise<unknown>
}

/** @throws InnkeeperError */
export type AdminHandler = (call: AdminCall, ends: AdminEnds) => Promise<AdminResult | undefined>

const jsonBytesMax = 1024 * 1024

/** What the body of a request may have. */
export function bodyBytesMax(path: string, componentBytesMax: number): number {
  return path === uploadPath ? componentBytesMax : jsonBytesMax
}
