// Tests ran: whether a language's tool ran any test, by what it printed. Most of them call it a success that there was none.
//
// R1. What is not understood counts as tests: a project in TypeScript may test with any tool.

import { stripVTControlCharacters } from 'node:util'
import type { Language } from '../build/project.ts'

type Judge = (output: string) => boolean

/** Numbers of tests that a tool says; a run may say several. */
const counts =
  (line: RegExp): Judge =>
  (output) => {
    const said = [...output.matchAll(line)]
    return said.length === 0 || said.some(([, count]) => Number(count) > 0)
  }

const judges: Readonly<Record<Exclude<Language, 'assemblyscript' | 'swift'>, Judge>> = {
  // node --test.
  typescript: counts(/^(?:#|ℹ) tests (\d+)$/gm),
  rust: counts(/^running (\d+) tests?$/gm),
  c: counts(/^\d+ of (\d+) tests passed$/gm),
  // A package has `[no test files]`, or its tests have none that was asked for. What failed is a FAIL.
  go: (output) => /^(?:ok|FAIL|---)\s(?!.*\[no tests to run\]$)/m.test(output),
}

export function testsRan(language: keyof typeof judges, output: string): boolean {
  return judges[language](stripVTControlCharacters(output).replaceAll('\r\n', '\n'))
}
