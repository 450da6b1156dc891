// Tests ran: whether a language's tool ran any test, by what it printed.
//
// R1. What is not understood counts as tests: a project in TypeScript may test with any tool.
//
// Leaves to others: what each tool prints (test.ts of its language).

import { stripVTControlCharacters } from 'node:util'
import type { LanguageName } from './languages/languages.ts'
import { languages } from './languages/languages.ts'

export function testsRan(language: LanguageName, output: string): boolean {
  const { tests } = languages[language]
  return 'all' in tests || tests.ran(stripVTControlCharacters(output).replaceAll('\r\n', '\n'))
}
