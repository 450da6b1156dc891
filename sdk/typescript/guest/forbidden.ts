// Forbidden: the globals that a pure function cannot have, each with what to use instead. The build names their uses in the
// author's code; the prelude replaces them in the component; the test kit refuses them while a handler runs.
//
// F1. One list for all three, so that nothing passes a test that traps in the host.

const time = 'use context.now'
const chance = 'use context.random(), context.randomBytes() or context.uuid()'
const timers = 'handlers are synchronous; let a client or a side effect come back later'
const network = 'a component reaches nothing; send a command with .effect() or .forward()'
const text = 'strings become UTF-8 in the generated code; QuickJS has no TextEncoder or TextDecoder'
const locale = 'it depends on the machine; format where the text is shown'
const collected = 'it depends on the garbage collector'
const machine = 'a component has no machine to look at'
const shared = 'handlers share no memory and no threads'
const counting = 'nothing is kept between calls; keep a count in the state'
const compiled = 'a component has no compiler; write the function down'
const lines = 'use console.log, console.debug, console.warn or console.error'

/** Globals by name. */
export const forbiddenGlobals: Readonly<Record<string, string>> = {
  performance: time,
  Temporal: time,
  crypto: chance,
  setTimeout: timers,
  setInterval: timers,
  setImmediate: timers,
  clearTimeout: timers,
  clearInterval: timers,
  clearImmediate: timers,
  queueMicrotask: timers,
  requestAnimationFrame: timers,
  fetch: network,
  WebSocket: network,
  XMLHttpRequest: network,
  EventSource: network,
  process: machine,
  navigator: machine,
  require: machine,
  Buffer: 'use Uint8Array',
  TextEncoder: text,
  TextDecoder: text,
  structuredClone: 'states are not changed in place; copy with { ...state }',
  Intl: locale,
  WeakRef: collected,
  FinalizationRegistry: collected,
  SharedArrayBuffer: shared,
  Atomics: shared,
  Worker: shared,
  eval: compiled,
}

/** Of these, those that are not there at all: libraries look whether they are, and go on without. The others throw when they are used. */
export const absentGlobals: ReadonlySet<string> = new Set(['process', 'navigator', 'require', 'Buffer'])

/** Members of globals, `Math.random` among them. */
export const forbiddenMembers: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  Date: { now: time },
  Math: { random: chance },
  console: {
    time,
    timeLog: time,
    timeEnd: time,
    count: counting,
    countReset: counting,
    table: lines,
    group: lines,
    groupCollapsed: lines,
    groupEnd: lines,
    dirxml: lines,
    clear: lines,
  },
}

/** Globals that may be looked at, but not be called or constructed like this. `bare`: without arguments only. */
export const forbiddenCalls: Readonly<Record<string, { readonly bare: boolean; readonly instead: string }>> = {
  Date: { bare: true, instead: time },
  Function: { bare: false, instead: compiled },
}

/** Methods by name, whatever the object: what they answer differs by machine. */
export const forbiddenMethods: Readonly<Record<string, string>> = {
  toLocaleString: locale,
  toLocaleDateString: locale,
  toLocaleTimeString: locale,
  toLocaleUpperCase: 'use toUpperCase()',
  toLocaleLowerCase: 'use toLowerCase()',
  localeCompare: 'compare with < and >; it depends on the machine otherwise',
}

export function forbiddenMessage(name: string, instead: string): string {
  return `${name} is not available in a service: ${instead}`
}
