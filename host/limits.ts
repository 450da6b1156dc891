// Limits: every bound of the host, with its unit and default (§limit). Settings may change them; config.ts checks that.

export interface Limits {
  /** One request or reply message. */
  readonly messageBytesMax: number
  /** Names and values of one call's metadata. */
  readonly metadataBytesMax: number
  /** Commands waiting for one entity. */
  readonly mailboxCommandsMax: number
  /** Commands waiting in the whole host. */
  readonly waitingCommandsMax: number
  /** Bytes of their messages. */
  readonly waitingBytesMax: number
  /** Bytes of requests and answers that clients and operators have sent or not read, incomplete ones too, all together. */
  readonly inFlightBytesMax: number
  /** Of one connection to the service port. */
  readonly connectionBytesMax: number
  /** A connection without a call is closed after so long. In milliseconds. */
  readonly connectionIdleMs: number
  /** A request, or one message of a stream, has to be whole after so long. In milliseconds. */
  readonly requestMs: number
  /** Commands handed to the guest at once. */
  readonly batchCommandsMax: number
  readonly decisionEventsMax: number
  readonly decisionEventBytesMax: number
  readonly decisionEffectsMax: number
  /** Of one command to a replicated entity. */
  readonly decisionOperationsMax: number
  /** One entity's encoded state. */
  readonly stateBytesMax: number
  readonly guestMemoryBytesMax: number
  /** Elements of all tables of one component. */
  readonly guestTableElementsMax: number
  /** Weighted instructions for one call of a function: one command, a batch of them, a chunk of events. */
  readonly fuelPerCommand: number
  /** Weighted instructions more for each byte of a long payload, state or view: who is given much has much to read. */
  readonly fuelPerByte: number
  /** Weighted instructions for one call, however much input it has: bounds how long it holds the loop. */
  readonly fuelPerCallMax: number
  /** What a fresh instance may cost, in weighted instructions: its parts, and its start functions. */
  readonly fuelAtStart: number
  /** A turn of the loop that works longer is a strike against its service. In milliseconds. */
  readonly longTurnMs: number
  /** Three strikes (long turns, faults) in this time throttle a service, for as long after the last one. In milliseconds. */
  readonly throttleMs: number
  /** Of the loop's time, for all throttled services together, while others want it. */
  readonly throttledPercentMax: number
  /** Bytes that one guest call may bring back. */
  readonly guestResultBytesMax: number
  /** Lists, records and strings that one guest call may bring back: bounds what 1-byte elements cost the host. */
  readonly guestResultElementsMax: number
  readonly componentBytesMax: number
  /** The part of `inFlightBytesMax` that is the admin port's: request bodies, incomplete ones too, and answers that are not read. */
  readonly uploadBytesMax: number
  /** A request to the admin port has to be whole after so long. In milliseconds. */
  readonly uploadMs: number
  /** Deployments that run or wait at once. */
  readonly deploymentsMax: number
  /** HTTP rules of one component, those that methods without any get included. */
  readonly componentRulesMax: number
  /** Of all components that are served. */
  readonly rulesMax: number
  readonly activationsMax: number
  readonly activationStateBytesMax: number
  readonly outboxEffectsMax: number
  readonly outboxBytesMax: number
  /** What idempotency keys take of the disk, of all services. */
  readonly idempotencyBytesMax: number
  readonly hopsMax: number
  /** Effects with one origin: those of a command, those of these effects, and so on. */
  readonly chainEffectsMax: number
  /** What an entity may tell a client that does not read, before its stream is cut. */
  readonly streamBacklogMax: number
  readonly streamBacklogBytesMax: number
  /** Elements of a streamed request that wait for the function. */
  readonly streamInputsMax: number
  /** What a function may give in one step of an action's stream; it asks to be called again for more. */
  readonly streamOutputsMax: number
  /** What an action keeps between the steps of one stream. */
  readonly streamStateBytesMax: number
  /** What is kept of the request that opened a stream on an entity, with the function's note. */
  readonly subscriptionBytesMax: number
  /** Calls whose request or answer is a stream, open at once. */
  readonly streamsMax: number
  /** Methods, services, metadata names, idempotency keys, type names: characters. */
  readonly nameLengthMax: number
  /** An entity's key, UTF-8. */
  readonly entityKeyBytesMax: number
  /** Events handed to `evolve` at once. */
  readonly replayEventsMax: number
  readonly replayBytesMax: number
}

const MiB = 1024 * 1024

export const defaultLimits: Limits = {
  messageBytesMax: 4 * MiB,
  metadataBytesMax: 16 * 1024,
  mailboxCommandsMax: 1_000,
  waitingCommandsMax: 10_000,
  waitingBytesMax: 256 * MiB,
  inFlightBytesMax: 256 * MiB,
  connectionBytesMax: 64 * MiB,
  connectionIdleMs: 75_000,
  requestMs: 300_000,
  batchCommandsMax: 64,
  decisionEventsMax: 1_000,
  decisionEventBytesMax: 4 * MiB,
  decisionEffectsMax: 100,
  decisionOperationsMax: 10_000,
  stateBytesMax: 16 * MiB,
  guestMemoryBytesMax: 64 * MiB,
  guestTableElementsMax: 100_000,
  // At most 250 ms, whatever is run, but for memory that stalls: 45 ms of QuickJS, 70 ms of AssemblyScript (decision 0006).
  fuelPerCommand: 2 ** 28,
  // QuickJS reads and writes a text for 500 a byte, Go and Rust a map of small entries for less (decision 0015).
  fuelPerByte: 800,
  fuelPerCallMax: 3 * 2 ** 28,
  // QuickJS takes 3.5 million, Go 8 million.
  fuelAtStart: 2 ** 25,
  longTurnMs: 20,
  throttleMs: 10_000,
  throttledPercentMax: 2,
  guestResultBytesMax: 8 * MiB,
  guestResultElementsMax: 200_000,
  componentBytesMax: 32 * MiB,
  uploadBytesMax: 64 * MiB,
  uploadMs: 120_000,
  // As many as files that `inn up` takes, which deploys them all at once.
  deploymentsMax: 100,
  componentRulesMax: 1_000,
  rulesMax: 10_000,
  activationsMax: 100_000,
  activationStateBytesMax: 1024 * MiB,
  outboxEffectsMax: 100_000,
  outboxBytesMax: 256 * MiB,
  // 64 million keys of 250 bytes: 740 new ones a second, for 24 hours.
  idempotencyBytesMax: 16 * 1024 * MiB,
  hopsMax: 16,
  chainEffectsMax: 10_000,
  streamBacklogMax: 1_000,
  streamBacklogBytesMax: 4 * MiB,
  streamInputsMax: 64,
  streamOutputsMax: 10_000,
  streamStateBytesMax: 256 * 1024,
  subscriptionBytesMax: 64 * 1024,
  streamsMax: 10_000,
  nameLengthMax: 256,
  entityKeyBytesMax: 1_024,
  replayEventsMax: 1_000,
  replayBytesMax: 1 * MiB,
}

/** What is the service port's of `inFlightBytesMax`. */
export function servedBytesMax({ inFlightBytesMax, uploadBytesMax }: Limits): number {
  return inFlightBytesMax - uploadBytesMax
}
