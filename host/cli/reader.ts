// Reader: who reads what a command prints may go before the command has ended, as `head` does. Then the command ends, too, and says
// nothing: nobody is left to hear it.
//
// Leaves to others: the host's log, which goes on without its reader (observe/log.ts).

/** As a shell counts a tool that SIGPIPE ended: 128 and the number of the signal. */
const exitCode = 141

export function endWithReader(): void {
  for (const output of [process.stdout, process.stderr]) {
    output.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code !== 'EPIPE') throw error
      process.exit(exitCode)
    })
  }
}
