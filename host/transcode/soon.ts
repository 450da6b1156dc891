// Soon: what of JSON may be made at once, on the loop that serves. What is longer is another thread's (ingress/http/transcoder.ts).

/** Bytes of JSON, or of a message. The dearest of this length take some 8 ms. */
export const soonBytesMax = 64 * 1024
/** Steps of making JSON (to-json.O5). */
export const soonStepsMax = 256 * 1024
