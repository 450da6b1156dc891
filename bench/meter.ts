// Meter: the longest time for which this thread's loop was held since it was begun.
//
// A turn of the loop is from one timer to the next. Two numbers: by the clock, which has what others took of the machine and waits for
// the disk in it, and by the thread's processor time, which has not.

export interface Hold {
  readonly wallMs: number
  readonly workedMs: number
}

export class Meter {
  private timer: NodeJS.Timeout | undefined
  private atMs = 0
  private worked = 0
  private longest: Hold = { wallMs: 0, workedMs: 0 }

  begin(): void {
    this.end()
    this.longest = { wallMs: 0, workedMs: 0 }
    this.atMs = performance.now()
    this.worked = workedMs()
    this.timer = setInterval(() => this.look(), 1)
  }

  end(): Hold {
    if (this.timer !== undefined) this.look()
    clearInterval(this.timer)
    this.timer = undefined
    return this.longest
  }

  private look(): void {
    const [atMs, worked] = [performance.now(), workedMs()]
    const { wallMs, workedMs: most } = this.longest
    this.longest = { wallMs: Math.max(wallMs, atMs - this.atMs), workedMs: Math.max(most, worked - this.worked) }
    this.atMs = atMs
    this.worked = worked
  }
}

function workedMs(): number {
  const { user, system } = process.threadCpuUsage()
  return (user + system) / 1000
}
