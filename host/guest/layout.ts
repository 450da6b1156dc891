// Layout: where the fields of each WIT type lie in guest memory (canonical ABI, 32-bit memory, UTF-8).
//
//   type            bytes align  fields at
//   string, list        8     4  pointer 0, length 4
//   option<list>       12     4  present (u8) 0, list 4
//   metadata-value     12     4  case (u8) 0, list 4
//   metadata-entry     20     4  name 0, value 8
//   typed              16     4  type-name 0, data 8
//   call               32     4  service 0, method 8, payload 16, metadata 24
//   due                16     8  case (u8) 0, milliseconds (f64) 8
//   answer-to          16     4  method 0, note 8
//   effect            104     8  call 0, synchronous (u8) 32, due 40, name (option) 56, answer (option) 68,
//                                within (option<f64>: u8 88, f64 96)
//   deferred           16     4  ticket 0, within (option<u32>: u8 8, u32 12)
//   resolution         48     4  ticket 0, method 8, answer: case (u8) 16, list or failure 20; metadata 40
//   command            64     8  method 0, payload 8, metadata 16, now-ms (f64) 24, seed (4 × u32) 32, principal (option) 48
//   failure            20     4  code (u8) 0, message 4, details 12
//   reply              36     4  case (u8) 0, list, call or deferred 4
//   result             40     4  case (u8) 0, reply or failure 4
//   log-line           12     4  level (u8) 0, text 4
//   outcome            80     4  answer 0, effects 40, metadata 48, logs 56, cancels 64, resolves 72
//   decision           88     4  events 0, outcome 8
//   held-state         20     4  token 0, size 4, state (option) 8
//   next               24     4  case (u8) 0, list or held-state 4
//   decided            32     4  decisions 0, next 8
//   decide-answer      36     4  case (u8) 0, decided 4
//   evolve-answer      24     4  case (u8) 0, list or held-state 4
//   description        40     4  sdk-name 0, sdk-version 8, services 16, descriptors 24, view-services 32
//   service            80     4  name 0, kind (u8) 8, persistence-id 12, snapshot-every 24, passivate-after-ms 28,
//                                state-type 32, state-version 44, headers 56, views 64, events 72
//   method-view        20     4  method 0, case (u8) 8, string 12
//   view-service       24     4  name 0, row-type 8, sources 16
//   source             20     4  service 0, kind (u8) 8, types 12
//
//   value
//   change             12     4  case (u8) 0, list 4
//   decision           92     4  change 0, outcome 12
//   decided            16     4  decisions 0, held (option<u32>: u8 8, u32 12)
//   decide-answer      20     4  case (u8) 0, decided 4
//
//   replicated
//   subscription       24     4  id 0, method 8, note 16
//   decision          108     4  answer: case (u8) 0, outcome or list 4; operations 84, delete (u8) 92, subscribe (option) 96
//   stream-step        96     4  subscription 0, outcome (option: u8 8, outcome 12), end (u8) 92
//   decide's tuple     88     8  service 0, entity 8, view 16, command 24
//   render's tuple     96     8  the same, and note 88
//
//   action
//   input              12     4  case (u8) 0, list 4
//   step               24     4  outputs 0, state (option) 8, done (u8) 20, more (u8) 21
//
//   view
//   change             64     8  service 0, entity 8, sequence (f64) 16, at-ms (f64) 24, what: case (u8) 32, typed 36; keys 52
//   put                20     4  key 0, row (option) 8
//
// Functions take flat values, up to sixteen, and beyond that a pointer to a tuple of their parameters: replicated's decide and
// render have 20 and 22; reads has 16. A command is fourteen flat values: method, payload and metadata (2 each), now-ms (f64),
// seed (4), principal (3).
// Answers come by pointer.
//
// Owns: the numbers.   test/guest/layout.test.ts compares them with what jco's own bindings read and write.

export const sizes = {
  list: 8,
  metadataEntry: 20,
  typed: 16,
  effect: 104,
  command: 64,
  decision: 88,
  decideAnswer: 36,
  evolveAnswer: 24,
  description: 40,
  service: 80,
  methodView: 20,
  viewService: 24,
  source: 20,
  logLine: 12,
  outcome: 80,
  resolution: 48,
  valueDecision: 92,
  valueAnswer: 20,
  subscription: 24,
  replicatedDecision: 108,
  streamStep: 96,
  decideTuple: 88,
  renderTuple: 96,
  input: 12,
  step: 24,
  viewChange: 64,
  put: 20,
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
  view: `innkeeper:guest/view@${contractVersion}`,
} as const
