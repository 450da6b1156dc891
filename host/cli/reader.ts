// Reader: who reads what a command prints may go before the command has ended, as `head` does. Then the command ends, too, and says
// nothing: nobody is left to hear it. That is no failure, also for a script with `set -o pipefail`.
//
// R1. A host that serves goes on: its clients have not gone. What it prints from then on is dropped.
//
// Leaves to others: the host's log, which goes on without its reader (observe/log.ts).

let serving = false

export function endWithReader(): void {
  for (const output of [process.stdout, process.stderr]) {
    output.on('error', (error: NodeJS.ErrnoException) => {
      if (serving && (error.code === 'EPIPE' || error.code === 'ERR_STREAM_DESTROYED')) return
      if (error.code !== 'EPIPE') throw error
      process.exit(0)
    })
  }
}

/** From now on the command has others than its reader. */
export function goOnWithoutReader(): void {
  serving = true
}
