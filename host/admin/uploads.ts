// Uploads: the bytes of request bodies that the admin port holds, all together.
//
// U1. A byte counts from when it came in until its request is answered or gone: also while a deployment waits for its turn.
//
// Owns: the sum.   server.ts owns: reading.

import { InnkeeperError } from '../errors.ts'

export class Uploads {
  readonly #most: number
  #held = 0

  constructor(most: number) {
    this.#most = most
  }

  /** @throws InnkeeperError `overloaded`, and nothing was taken */
  take(bytes: number): void {
    if (this.#held + bytes > this.#most) {
      const message = `uploads in hand have ${this.#held} bytes, ${this.#most} are allowed (upload-bytes-max); send it again when they are done`
      throw new InnkeeperError('overloaded', message)
    }
    this.#held += bytes
  }

  give(bytes: number): void {
    this.#held -= bytes
  }
}
