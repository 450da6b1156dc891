// Run: a tool as a child process, with a limit on time and output.

import { execFile } from 'node:child_process'

export interface Ran {
  readonly ok: boolean
  readonly stdout: string
  readonly stderr: string
}

const timeoutMs = 300_000
const outputBytesMax = 16 * 1024 * 1024

/** `environment` is added to this process's. Resolves for any exit code. @throws Error if the tool cannot be started, or takes more than five minutes. */
export function run(
  file: string,
  args: readonly string[],
  cwd: string,
  environment: Readonly<Record<string, string>> = {},
): Promise<Ran> {
  return new Promise((resolve, reject) => {
    const env = { ...process.env, ...environment }
    const options = { cwd, env, timeout: timeoutMs, maxBuffer: outputBytesMax, encoding: 'utf8' as const }
    execFile(file, args, options, (error, stdout, stderr) => {
      if (error === null) resolve({ ok: true, stdout, stderr })
      else if (typeof error.code === 'number') resolve({ ok: false, stdout, stderr })
      else reject(new Error(`${file} did not run: ${error.message.split('\n')[0]}`, { cause: error }))
    })
  })
}
