// Guards that the test kits pass on what a host passes on: their lists of headers that reach no function are the host's.

import { readFileSync } from 'node:fs'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import {
  credentialProblem,
  credentials,
  credentialsPrefix,
  ofTransport,
  ofTransportPrefixes,
  transportProblem,
} from '../../host/header-names.ts'

const kits: Readonly<Record<string, string>> = {
  typescript: 'testing/kept-headers.ts',
  go: 'innkeepertest/kept.go',
  rust: 'src/testing/kept.rs',
  swift: 'Sources/Innkeeper/Kept.swift',
  c: 'innkeeper_test.c',
}

const Kept = suite('kept headers')

/** Texts of the list that is declared under a name, however a language writes that. */
function list(source: string, name: RegExp): readonly string[] {
  const [, body] =
    new RegExp(`\\b(?:${name.source})(?:\\[\\])?(?:: [^=]+)? *= (?:&|\\[\\]string)?([[{"'][^\\]};]*)`, 'i').exec(
      source,
    ) ?? []
  return [...(body ?? '').split('\n\n')[0]!.matchAll(/["']([a-z0-9:-]+)["']/g)].map(([, text]) => text!)
}

for (const [language, file] of Object.entries(kits)) {
  const source = readFileSync(new URL(`../../sdk/${language}/${file}`, import.meta.url), 'utf8')

  Kept(`header-names.N1: ${language}: the lists are those of the host`, () => {
    assert.equal(list(source, /credentials/), credentials)
    assert.equal(list(source, /of_?Transport/), ofTransport)
    assert.equal(list(source, /of_?Transport_?Prefixes/), ofTransportPrefixes)
    assert.is(list(source, /credentials_?prefix(?:es)?/)[0], credentialsPrefix)
  })

  Kept(`${language}: the sentences are those of the host`, () => {
    // As one line: texts that are joined, or go on in the next line.
    const joined = source.replace(/["']\s*\+?\s*\n\s*\+?\s*["']/g, '').replace(/ \\\n\s*/g, ' ')
    for (const sentence of [credentialProblem('NAME'), transportProblem('NAME')]) {
      const [start, end] = sentence.replace(' function', ' function|').split('|')
      assert.ok(joined.includes(end!), `${language}: ${end}`)
      assert.ok(joined.includes(start!.split('NAME')[1]!), `${language}: ${start}`)
    }
  })
}

Kept.run()
