// Languages: those that services can be written in. Whatever lists languages asks here.
//
// To add one: its folder beside this file, and its entry here.

import { assemblyscript } from './assemblyscript/language.ts'
import { c } from './c/language.ts'
import { go } from './go/language.ts'
import type { Language } from './language.ts'
import { rust } from './rust/language.ts'
import { swift } from './swift/language.ts'
import { typescript } from './typescript/language.ts'

/** By their names, in the order in which people read them. */
export const languages = {
  typescript,
  assemblyscript,
  rust,
  go,
  swift,
  c,
} as const satisfies Readonly<Record<string, Language>>

export type LanguageName = keyof typeof languages

export const languageNames = Object.keys(languages) as readonly LanguageName[]

/** Of a project that says nothing, and shows nothing. */
export const usual: Language = typescript

/** By its name, or as people shorten it. */
export function languageNamed(name: string): Language | undefined {
  return Object.values(languages).find((language) => language.name === name || language.short === name)
}
