// Input gate: nothing is read of a gRPC stream while it is held; HTTP/2 flow control then stops the client.

import type { ServerDuplexStream } from '@grpc/grpc-js'

export class InputGate {
  private holding = false
  /** Reads on, where grpc-js wanted to while input was held back. */
  private readLater: (() => void) | undefined

  /** grpc-js' readable would fetch 16 elements ahead, of up to 4 MiB each. Its `_read` waits for the gate instead. */
  constructor(call: ServerDuplexStream<Buffer, Buffer>) {
    const read = call._read.bind(call)
    call._read = (size) => {
      if (this.holding) this.readLater = () => read(size)
      else read(size)
    }
  }

  hold(): void {
    this.holding = true
  }

  release(): void {
    this.holding = false
    const read = this.readLater
    this.readLater = undefined
    read?.()
  }
}
