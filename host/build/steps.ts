// Steps: which step of a build is running, and what each took.

import type { Progress } from './build.ts'

export interface Steps {
  readonly done: readonly { readonly step: string; readonly ms: number }[]
  run<T>(step: string, work: () => T | Promise<T>): Promise<T>
}

export function stepsWith(onProgress: (progress: Progress) => void = () => {}): Steps {
  const done: { step: string; ms: number }[] = []
  return {
    done,
    async run(step, work) {
      onProgress({ step, ms: undefined })
      const start = performance.now()
      const result = await work()
      const ms = Math.round(performance.now() - start)
      done.push({ step, ms })
      onProgress({ step, ms })
      return result
    },
  }
}
