// Retry-After: when a server wants to be asked again, in both forms of the header: seconds, or a date.
//
// R1. What is no such header says nothing. A time that is past is now. Longer than `mostMs` is not waited for: a server does not put off an effect for ever.

const mostMs = 24 * 3_600_000

/** Milliseconds from `nowMs` on; undefined: it says nothing. */
export function retryAfterMs(value: string | undefined, nowMs: number): number | undefined {
  if (value === undefined) return undefined
  const text = value.trim()
  if (/^\d{1,15}$/.test(text)) return Math.min(Number(text) * 1000, mostMs)
  // An HTTP date has a weekday; `Date.parse` takes much else.
  if (!/^(Mon|Tue|Wed|Thu|Fri|Sat|Sun)[a-z]*,? /.test(text) || text.length > 40) return undefined
  const atMs = Date.parse(/(GMT|UTC|[+-]\d{4})$/.test(text) ? text : `${text} GMT`)
  return Number.isNaN(atMs) ? undefined : Math.min(Math.max(0, atMs - nowMs), mostMs)
}
