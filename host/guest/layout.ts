// Layout: where the fields of each WIT type lie in guest memory (canonical ABI, 32-bit memory, UTF-8).
//
//   type            bytes align  fields at
//   string, list        8     4  pointer 0, length 4
//   option<list>       12     4  present (u8) 0, list 4
//   metadata-value     12     4  case (u8) 0, list 4
//   metadata-entry     20     4  name 0, value 8
//   typed              16     4  type-name 0, data 8
//   call               32     4  service 0, method 8, payload 16, metadata 24
//   effect             36     4  call 0, synchronous (u8) 32
//   command            48     8  method 0, payload 8, metadata 16, now-ms (f64) 24, seed (4 × u32) 32
//   failure            20     4  code (u8) 0, message 4, details 12
//   reply              36     4  case (u8) 0, list or call 4
//   result             40     4  case (u8) 0, reply or failure 4
//   log-line           12     4  level (u8) 0, text 4
//   outcome            64     4  answer 0, effects 40, metadata 48, logs 56
//   decision           72     4  events 0, outcome 8
//   held-state         20     4  token 0, size 4, state (option) 8
//   next               24     4  case (u8) 0, list or held-state 4
//   decided            32     4  decisions 0, next 8
//   decide-answer      36     4  case (u8) 0, decided 4
//   evolve-answer      24     4  case (u8) 0, list or held-state 4
//   description        32     4  sdk-name 0, sdk-version 8, services 16, descriptors 24
//   service            80     4  name 0, kind (u8) 8, persistence-id 12, snapshot-every 24, passivate-after-ms 28,
//                                state-type 32, state-version 44, headers 56, views 64, events 72
//   method-view        20     4  method 0, case (u8) 8, string 12
//
//   value
//   change             12     4  case (u8) 0, list 4
//   decision           76     4  change 0, outcome 12
//   decided            16     4  decisions 0, held (option<u32>: u8 8, u32 12)
//   decide-answer      20     4  case (u8) 0, decided 4
//
//   replicated
//   subscription       24     4  id 0, method 8, note 16
//   decision           92     4  answer: case (u8) 0, outcome or list 4; operations 68, delete (u8) 76, subscribe (option) 80
//   stream-step        80     4  subscription 0, outcome (option: u8 8, outcome 12), end (u8) 76
//   decide's tuple     72     8  service 0, entity 8, view 16, command 24
//   render's tuple     80     8  the same, and note 72
//
//   action
//   input              12     4  case (u8) 0, list 4
//   step               24     4  outputs 0, state (option) 8, done (u8) 20, more (u8) 21
//
// Functions take flat values, up to sixteen, and beyond that a pointer to a tuple of their parameters: replicated's decide and
// render have 17 and 19. A command is eleven flat values: method, payload and metadata (2 each), now-ms (f64), seed (4).
// Answers come by pointer.
//
// Owns: the numbers.   test/guest/layout.test.ts compares them with what jco's own bindings read and write.

export const sizes = {
  list: 8,
  metadataEntry: 20,
  typed: 16,
  effect: 36,
  command: 48,
  decision: 72,
  decideAnswer: 36,
  evolveAnswer: 24,
  description: 32,
  service: 80,
  methodView: 20,
  logLine: 12,
  outcome: 64,
  valueDecision: 76,
  valueAnswer: 20,
  subscription: 24,
  replicatedDecision: 92,
  streamStep: 80,
  decideTuple: 72,
  renderTuple: 80,
  input: 12,
  step: 24,
} as const

/** Of the contract that this host speaks. */
export const contractVersion = '0.2.0'

/** The interfaces, as components name them. */
export const interfaces = {
  types: `innkeeper:guest/types@${contractVersion}`,
  about: `innkeeper:guest/about@${contractVersion}`,
  'event-sourced': `innkeeper:guest/event-sourced@${contractVersion}`,
  value: `innkeeper:guest/value@${contractVersion}`,
  replicated: `innkeeper:guest/replicated@${contractVersion}`,
  action: `innkeeper:guest/action@${contractVersion}`,
} as const
