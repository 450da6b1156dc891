// uvu skips in silence; the runner (test/run.ts) collects these lines and says at the end what was not tested, and why.

interface Suite {
  skip(name: string, test: () => void): void
}

export function skip(suite: Suite, name: string, reason: string): void {
  console.log(`# skipped: ${name}: ${reason}`)
  suite.skip(name, () => {})
}
