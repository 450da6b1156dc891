// Counted: the numbers of tests that a tool prints.

/** `line`: what says a number; a run may say several. What is not understood counts as tests: a project may test with any tool. */
export function counts(line: RegExp): (output: string) => boolean {
  return (output) => {
    const said = [...output.matchAll(line)]
    return said.length === 0 || said.some(([, count]) => Number(count) > 0)
  }
}
