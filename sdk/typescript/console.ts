// The type of `console`, for projects that have none from Node or a browser. Where there is one, these are among its words.

declare global {
  interface Console {
    /** Lines of the host's log, at its level debug: `inn up --log-level debug` shows them. */
    debug(...values: readonly unknown[]): void
    /** At the level info. */
    log(...values: readonly unknown[]): void
    info(...values: readonly unknown[]): void
    warn(...values: readonly unknown[]): void
    error(...values: readonly unknown[]): void
    /** An error line, unless the condition holds. */
    assert(condition?: unknown, ...values: readonly unknown[]): void
    /** One value, at the level info. */
    dir(value?: unknown): void
  }
  var console: Console
}

export type {}
