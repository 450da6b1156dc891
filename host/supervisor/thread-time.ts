// Thread time: which thread this is, and how much processor time one of this process has used. On Linux; elsewhere nobody can say.
//
// Source: proc(5). A tick is 10 ms on every Linux that Node runs on.

import { readFileSync, readlinkSync } from 'node:fs'

const msEachTick = 10

/** The id of the calling thread, for `threadRanMs`. */
export function threadId(): number | undefined {
  try {
    return Number(/\/task\/(\d+)$/.exec(readlinkSync('/proc/thread-self'))?.[1])
  } catch {
    return undefined
  }
}

/** Milliseconds of user and system time, whole ticks. */
export function threadRanMs(id: number | undefined): number | undefined {
  if (id === undefined) return undefined
  try {
    const stat = readFileSync(`/proc/self/task/${id}/stat`, 'latin1')
    // The second field is a name in brackets, which may hold anything; user and system time are fields 14 and 15.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    return (Number(fields[11]) + Number(fields[12])) * msEachTick
  } catch {
    return undefined
  }
}
