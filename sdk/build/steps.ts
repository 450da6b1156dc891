// Steps: which step of a build is running, what each took, and what an author should know of a build that went well.

export interface Progress {
  readonly step: string
  /** Milliseconds, once the step is done. */
  readonly ms: number | undefined
}

export interface Steps {
  readonly done: readonly { readonly step: string; readonly ms: number }[]
  readonly warnings: readonly string[]
  run<T>(step: string, work: () => T | Promise<T>): Promise<T>
  warn(text: string): void
}

export function stepsWith(onProgress: (progress: Progress) => void = () => {}): Steps {
  const done: { step: string; ms: number }[] = []
  const warnings: string[] = []
  return {
    done,
    warnings,
    warn: (text) => {
      warnings.push(text)
    },
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
