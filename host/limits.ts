// Limits: every bound of the host, with its default and what it counts (§limit). Settings may change them; config.ts checks that.

const MiB = 1024 * 1024

/** What it is by default, and the sentence that `inn up --help` and docs/reference/settings.md show. */
type Limit = readonly [byDefault: number, counts: string]

const table = {
  messageBytesMax: [4 * MiB, 'bytes of one request or reply message'],
  metadataBytesMax: [16 * 1024, "bytes of names and values of one call's metadata"],
  mailboxCommandsMax: [1_000, 'commands that wait for one entity'],
  waitingCommandsMax: [10_000, 'commands that wait in the whole host'],
  waitingBytesMax: [256 * MiB, 'bytes of the messages of commands that wait'],
  inFlightBytesMax: [
    256 * MiB,
    'bytes of requests and answers that clients have sent or not read, incomplete ones too, of both ports',
  ],
  connectionsMax: [
    16_000,
    'open connections to the service port; at most three quarters of the files that the process may open',
  ],
  connectionBytesMax: [64 * MiB, 'bytes in flight of one connection to the service port'],
  connectionIdleMs: [75_000, 'milliseconds after which a connection without a call is closed'],
  requestMs: [300_000, 'milliseconds for a request, or for one message of a stream, to be whole'],
  batchCommandsMax: [64, 'commands that a function is given at once'],
  batchMs: [
    8,
    'milliseconds after which a function is given fewer commands at once: what one call of it may hold the loop',
  ],
  decisionEventsMax: [1_000, 'events of one command'],
  decisionEventBytesMax: [4 * MiB, 'bytes of the events of one command'],
  decisionEffectsMax: [100, 'side effects of one command'],
  decisionOperationsMax: [10_000, 'operations of one command to a replicated entity'],
  stateBytesMax: [16 * MiB, "bytes of one entity's encoded state"],
  guestMemoryBytesMax: [64 * MiB, 'bytes of memory of one instance of a component'],
  guestTableElementsMax: [100_000, 'elements of all tables of one component'],
  // At most 250 ms, whatever is run, but for memory that stalls: 45 ms of QuickJS, 70 ms of AssemblyScript (decision 0006).
  fuelPerCommand: [
    2 ** 28,
    'weighted instructions of one call of a function: one command, a batch of them, a chunk of events',
  ],
  // QuickJS reads and writes a text for 500 a byte, Go and Rust a map of small entries for less (decision 0015).
  fuelPerByte: [800, 'weighted instructions more for each byte of a long payload, state or view'],
  fuelPerCallMax: [
    3 * 2 ** 28,
    'weighted instructions of one call, however much input it has: bounds how long it holds the loop',
  ],
  // QuickJS takes 3.5 million, Go 8 million.
  fuelAtStart: [2 ** 25, 'weighted instructions that a fresh instance may cost: its parts and its start functions'],
  longTurnMs: [20, 'milliseconds; a turn that works longer is a strike against its service'],
  throttleMs: [
    10_000,
    'milliseconds; three strikes (long turns, faults) in this time throttle a service, for as long after the last one',
  ],
  throttledPercentMax: [2, "percent of the loop's time for all throttled services together, while others want it"],
  guestResultBytesMax: [8 * MiB, 'bytes that one call of a function may bring back'],
  guestResultElementsMax: [200_000, 'lists, records and strings that one call of a function may bring back'],
  componentBytesMax: [32 * MiB, 'bytes of one component'],
  uploadBytesMax: [
    64 * MiB,
    "the part of in-flight-bytes-max that is the admin port's: uploads, and answers that are not read",
  ],
  uploadMs: [120_000, 'milliseconds for a request to the admin port to be whole'],
  // As many as files that `inn up` takes, which deploys them all at once.
  deploymentsMax: [100, 'deployments that run or wait at once'],
  componentRulesMax: [1_000, 'HTTP rules of one component, with those of methods that declare none'],
  rulesMax: [10_000, 'HTTP rules of all components that are served'],
  activationsMax: [100_000, 'entities in memory'],
  activationStateBytesMax: [1024 * MiB, 'bytes of the states of entities in memory'],
  outboxEffectsMax: [100_000, 'side effects that wait or are parked'],
  outboxBytesMax: [256 * MiB, 'bytes of side effects that wait or are parked'],
  // 64 million keys of 250 bytes: 740 new ones a second, for 24 hours.
  idempotencyBytesMax: [16 * 1024 * MiB, 'bytes of idempotency keys on disk, of all services'],
  feedBytes: [4 * 1024 * MiB, 'bytes of commits that one who follows them may be behind, before it loses its place'],
  hopsMax: [16, 'forwards and side effects, one after the other, that come of one command'],
  chainEffectsMax: [10_000, 'side effects that come of one command: its own, those that these cause, and so on'],
  streamBacklogMax: [1_000, 'messages that an entity keeps for a client that does not read, before its stream is cut'],
  streamBacklogBytesMax: [
    4 * MiB,
    'bytes that an entity keeps for a client that does not read, before its stream is cut',
  ],
  streamInputsMax: [64, 'elements of a streamed request that wait for the function'],
  streamOutputsMax: [10_000, "elements that a function gives in one step of an action's stream"],
  streamStateBytesMax: [256 * 1024, 'bytes that an action keeps between the steps of one stream'],
  subscriptionBytesMax: [
    64 * 1024,
    "bytes that are kept of the request that opened a stream on an entity, with the function's note",
  ],
  streamsMax: [10_000, 'open calls whose request or answer is a stream'],
  nameLengthMax: [256, 'characters of names: methods, services, metadata, types, idempotency keys'],
  entityKeyBytesMax: [1_024, "bytes of an entity's key"],
  replayEventsMax: [1_000, 'events that a function folds at once'],
  replayBytesMax: [1 * MiB, 'bytes of events that a function folds at once'],
} satisfies Readonly<Record<string, Limit>>

export type Limits = { readonly [Name in keyof typeof table]: number }

const entries = Object.entries<Limit>(table)

export const defaultLimits = Object.fromEntries(entries.map(([name, [byDefault]]) => [name, byDefault])) as Limits

/** What each counts. */
export const limitHelps: Readonly<Record<string, string>> = Object.fromEntries(
  entries.map(([name, [, counts]]) => [name, counts]),
)

/** What is the service port's of `inFlightBytesMax`. */
export function servedBytesMax({ inFlightBytesMax, uploadBytesMax }: Limits): number {
  return inFlightBytesMax - uploadBytesMax
}
