// Printed: what a test kit prints of a service's log lines.

/** What `run` prints on the console, as `level: text`. */
export function printed(run: () => unknown): readonly string[] {
  const lines: string[] = []
  const { console: before } = globalThis
  const word = (level: string) => (text: string) => void lines.push(`${level}: ${text}`)
  const levels = ['debug', 'info', 'warn', 'error'].map((level) => [level, word(level)])
  globalThis.console = Object.fromEntries(levels) as Console
  try {
    run()
  } finally {
    globalThis.console = before
  }
  return lines
}
