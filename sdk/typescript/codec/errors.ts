// Errors of the codec: bytes that are no message. Values that fit no field are RangeErrors or TypeErrors of the writer.

/** Bytes that are not the message they should be. */
export class MalformedError extends Error {
  constructor(message: string) {
    super(message)
    this.name = 'MalformedError'
  }
}
