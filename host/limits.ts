// Limits: every bound of the host, with its default and what it counts (§limit). Settings may change them; config.ts checks that.

const MiB = 1024 * 1024

/** What it is by default, and the sentence that `inn up --help` and docs/reference/settings.md show. */
type Limit = readonly [byDefault: number, counts: string]

const table = {
  messageBytesMax: [4 * MiB, 'maximum size of one request or reply message, in bytes'],
  metadataBytesMax: [16 * 1024, "maximum size of one call's metadata, names and values together, in bytes"],
  mailboxCommandsMax: [1_000, 'maximum number of commands that wait for one entity'],
  waitingCommandsMax: [10_000, 'maximum number of commands that wait in the whole host'],
  waitingBytesMax: [256 * MiB, 'maximum size of the messages of all waiting commands, in bytes'],
  inFlightBytesMax: [
    256 * MiB,
    'maximum number of bytes in flight, on both ports: requests received, also in part, and answers not yet read by clients',
  ],
  connectionsMax: [
    16_000,
    'maximum number of open connections to the service port; never more than three quarters of the files that the process may open',
  ],
  connectionBytesMax: [64 * MiB, 'maximum number of bytes in flight on one connection to the service port'],
  connectionIdleMs: [75_000, 'milliseconds after which a connection without a call is closed'],
  requestMs: [300_000, 'milliseconds in which a request, or one message of a stream, must arrive completely'],
  batchCommandsMax: [64, 'maximum number of commands in one call of a function'],
  batchMs: [
    8,
    'milliseconds that one call of a function should hold the event loop; after a longer call the function gets fewer commands at once',
  ],
  decisionEventsMax: [1_000, 'maximum number of events of one command'],
  decisionEventBytesMax: [4 * MiB, 'maximum size of the events of one command, in bytes'],
  decisionEffectsMax: [100, 'maximum number of side effects of one command'],
  decisionOperationsMax: [10_000, 'maximum number of operations of one command to a replicated entity'],
  stateBytesMax: [16 * MiB, "maximum size of one entity's encoded state, in bytes"],
  guestMemoryBytesMax: [64 * MiB, 'maximum memory of one instance of a component, in bytes'],
  guestTableElementsMax: [100_000, 'maximum number of elements in all tables of one component'],
  // At most 250 ms, whatever is run, but for memory that stalls: 45 ms of QuickJS, 70 ms of AssemblyScript (decision 0006).
  fuelPerCommand: [
    2 ** 28,
    'fuel, in weighted instructions, of one call of a function: for one command, a batch of commands or a chunk of events',
  ],
  // QuickJS reads and writes a text for 500 a byte, Go and Rust a map of small entries for less (decision 0015).
  fuelPerByte: [800, 'additional fuel, in weighted instructions, for each byte of a long payload, state or view'],
  fuelPerCallMax: [
    3 * 2 ** 28,
    'maximum fuel of one call, in weighted instructions, however long its input; bounds how long a call holds the event loop',
  ],
  // QuickJS takes 3.5 million, Go 8 million.
  fuelAtStart: [2 ** 25, 'maximum cost of a fresh instance with its start functions, in weighted instructions'],
  longTurnMs: [20, 'milliseconds; a turn that takes longer counts as a strike against its service'],
  throttleMs: [
    10_000,
    'milliseconds; three strikes (long turns or faults) in this time throttle a service, until the same time has passed since the last strike',
  ],
  throttledPercentMax: [
    2,
    "maximum percentage of the event loop's time for all throttled services together while other services have work",
  ],
  guestResultBytesMax: [8 * MiB, 'maximum size of the result of one call of a function, in bytes'],
  guestResultElementsMax: [
    200_000,
    'maximum number of lists, records and strings in the result of one call of a function',
  ],
  componentBytesMax: [32 * MiB, 'maximum size of one component, in bytes'],
  uploadBytesMax: [
    64 * MiB,
    'the part of in-flight-bytes-max that is reserved for the admin port: uploads, and answers not yet read',
  ],
  uploadMs: [120_000, 'milliseconds in which a request to the admin port must arrive completely'],
  // As many as files that `inn up` takes, which deploys them all at once.
  deploymentsMax: [100, 'maximum number of deployments that run or wait at the same time'],
  componentRulesMax: [
    1_000,
    'maximum number of HTTP rules of one component, including the default rules of methods that declare none',
  ],
  rulesMax: [10_000, 'maximum number of HTTP rules of all served components together'],
  activationsMax: [100_000, 'maximum number of entities in memory'],
  activationStateBytesMax: [1024 * MiB, 'maximum size of the states of all entities in memory, in bytes'],
  outboxEffectsMax: [100_000, 'maximum number of side effects that wait or are parked'],
  pendingBytesMax: [
    1024 * MiB,
    'maximum size on disk of all effects that are due later, and of open tickets, in bytes',
  ],
  outboxBytesMax: [256 * MiB, 'maximum size of all side effects that wait or are parked, in bytes'],
  // 64 million keys of 250 bytes: 740 new ones a second, for 24 hours.
  idempotencyBytesMax: [16 * 1024 * MiB, 'maximum size of the idempotency keys of all services on disk, in bytes'],
  feedHours: [1, 'minimum number of hours for which commits are kept, for followers of the feed that come later'],
  feedBytes: [
    4 * 1024 * MiB,
    'maximum size of the commits that a follower of the feed has not read, in bytes; past it the follower loses its place',
  ],
  hopsMax: [
    16,
    'maximum number of forwards and side effects in a row, each caused by the one before, that start from one command',
  ],
  chainEffectsMax: [
    10_000,
    'maximum number of side effects that one command causes, directly or through other side effects',
  ],
  streamBacklogMax: [
    1_000,
    'maximum number of messages that wait for a client that does not read its stream on an entity; past it the stream is cut',
  ],
  streamBacklogBytesMax: [
    4 * MiB,
    'maximum size of the messages that wait for a client that does not read its stream on an entity, in bytes; past it the stream is cut',
  ],
  streamInputsMax: [64, 'maximum number of elements of a streamed request that wait for the function'],
  streamOutputsMax: [10_000, "maximum number of elements that a function returns in one step of an action's stream"],
  streamStateBytesMax: [
    256 * 1024,
    'maximum size of the state that an action keeps between two steps of one stream, in bytes',
  ],
  subscriptionBytesMax: [
    64 * 1024,
    "maximum size of the stored request that opened a stream on an entity, together with the function's note, in bytes",
  ],
  pipelinedCommandsMax: [1_000, 'maximum number of commands without an answer on one stream of pipelined commands'],
  pipelinedBytesMax: [
    4 * MiB,
    'maximum size of the frames with commands without an answer on one stream of pipelined commands, in bytes',
  ],
  streamsMax: [10_000, 'maximum number of open calls whose request or answer is a stream'],
  nameLengthMax: [256, 'maximum length of names, in characters: methods, services, metadata, types, idempotency keys'],
  entityKeyBytesMax: [1_024, "maximum size of an entity's key, in bytes"],
  viewsQueryMs: [1_000, 'milliseconds that one query of a view may run; past it the process that runs it is killed'],
  viewsRowsMax: [100_000, 'maximum number of rows that one query of a view answers'],
  viewsBytesMax: [16 * MiB, 'maximum size of what one query of a view answers, and of one value in it, in bytes'],
  viewsReaders: [2, 'number of processes that run queries of views'],
  viewsMemoryMib: [
    256,
    'maximum memory of each process of views beyond what Node takes to start, in MiB; a query that takes more is refused',
  ],
  replayEventsMax: [1_000, 'maximum number of events that a function folds in one call'],
  replayBytesMax: [1 * MiB, 'maximum size of the events that a function folds in one call, in bytes'],
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
