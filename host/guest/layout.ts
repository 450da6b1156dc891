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
//   outcome            56     4  answer 0, effects 40, metadata 48
//   decision           64     4  events 0, outcome 8
//   held-state         20     4  token 0, size 4, state (option) 8
//   next               24     4  case (u8) 0, list or held-state 4
//   decided            32     4  decisions 0, next 8
//   decide-answer      36     4  case (u8) 0, decided 4
//   evolve-answer      24     4  case (u8) 0, list or held-state 4
//   description        32     4  sdk-name 0, sdk-version 8, services 16, descriptors 24
//   service            72     4  name 0, kind (u8) 8, persistence-id 12, snapshot-every 24, passivate-after-ms 28,
//                                state-type 32, state-version 44, headers 56, views 64
//   method-view        20     4  method 0, case (u8) 8, string 12
//
// decide and evolve take ten flat i32: service (2), entity (2), basis (case, and two that state and held share), commands
// or events (2), want-state. Their answers, like describe's, come by pointer.
//
// Owns: the numbers.   test/guest/layout.test.ts compares them with what jco's own bindings read and write.

export const sizes = {
  list: 8,
  metadataEntry: 20,
  typed: 16,
  effect: 36,
  command: 48,
  decision: 64,
  decideAnswer: 36,
  evolveAnswer: 24,
  description: 32,
  service: 72,
  methodView: 20,
} as const

/** Versions of the interfaces that this host speaks, as components name them. */
export const interfaces = {
  types: 'innkeeper:guest/types@0.1.0',
  about: 'innkeeper:guest/about@0.1.0',
  'event-sourced': 'innkeeper:guest/event-sourced@0.1.0',
  value: 'innkeeper:guest/value@0.1.0',
  replicated: 'innkeeper:guest/replicated@0.1.0',
  action: 'innkeeper:guest/action@0.1.0',
} as const
