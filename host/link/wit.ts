// WIT: the contract's text, for tools that take a source instead of a folder.
//
// Owns: joining wit/*.wit into one text.

import { readdirSync, readFileSync } from 'node:fs'

const folder = new URL('../../wit/', import.meta.url)

/** All of wit/*.wit under one package line. */
export function witSource(): string {
  const files = readdirSync(folder).filter((name) => name.endsWith('.wit'))
  const texts = files.sort().map((name) => readFileSync(new URL(name, folder), 'utf8'))
  const [packageLine] = /^package .*;$/m.exec(texts[0]!)!
  return [packageLine, ...texts.map((text) => text.replace(/^package .*;$/m, ''))].join('\n')
}
