// Quiet jco: what jco loads when it is imported, without what linking has no use for: a native minifier, and a WASI with a thread.
//
// J1. So the linking process needs neither addons nor threads, which Node's permission model does not hold: a thread is free of it.
//
// Imported before jco is. Owns: the replacements.

import { registerHooks } from 'node:module'

const shim = '@bytecodealliance/preview2-shim/'
const nothing = 'export function minify() { throw new Error("not here") }'

registerHooks({
  resolve(name, context, next) {
    if (name === 'oxc-minify') return { url: `data:text/javascript,${encodeURIComponent(nothing)}`, shortCircuit: true }
    if (!name.startsWith(shim)) return next(name, context)
    // The one that is made for browsers.
    return next(name, { ...context, conditions: context.conditions.filter((condition) => condition !== 'node') })
  },
})
