// Natives: what Node (22 and later) and browsers have alike beyond the language, as much of it as the client uses.

export interface SocketLike {
  binaryType: string
  onopen: (() => void) | null
  onmessage: ((event: { readonly data: unknown }) => void) | null
  onclose: ((event: { readonly code: number; readonly reason: string }) => void) | null
  onerror: (() => void) | null
  send(data: Uint8Array): void
  close(): void
}

interface Natives {
  readonly WebSocket?: new (url: string) => SocketLike
  readonly crypto: { getRandomValues(bytes: Uint8Array): Uint8Array }
  readonly setTimeout: (work: () => void, ms: number) => unknown
  readonly clearTimeout: (timer: unknown) => void
  readonly URL: new (url: string) => { protocol: string; pathname: string; readonly href: string }
}

export const natives = globalThis as unknown as Natives
