// Guards names that are not quite right: what is near is told, what is not is not, and a service may be called by the end of its name.

import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { didYouMean } from '../host/nearest.ts'
import { meant } from '../host/short-name.ts'

const Nearest = suite('nearest')

Nearest(
  'nearest.N1: a letter more, less, other or swapped is near, whatever its case; a third of the letters at most',
  () => {
    const commands = ['journal', 'state', 'services', 'entities', 'up']
    for (const [given, name] of [
      ['journall', 'journal'],
      ['jurnal', 'journal'],
      ['jourmal', 'journal'],
      ['juornal', 'journal'],
      ['JOURNAL', 'journal'],
      ['stat', 'state'],
      ['serv', 'services'],
      ['ip', 'up'],
    ] as const)
      assert.is(didYouMean(given, commands), `; did you mean ${name}?`, given)
    for (const given of ['', 'fly', 'x', 'journey', 'constructor', 'stxyz', 'e'.repeat(10_000)])
      assert.is(
        didYouMean(given, commands, '; look'),
        given === 'journey' ? '; did you mean journal?' : '; look',
        given,
      )
  },
)

Nearest('nearest.N1: each of a hundred random edits within the rule finds its name', () => {
  let seed = 7
  const random = (below: number): number => {
    seed = (seed * 48271) % 2147483647
    return seed % below
  }
  for (let round = 0; round < 100; round++) {
    const name = Array.from({ length: 6 + random(6) }, () => 'abcdefgh'[random(8)]).join('')
    let given = name
    for (let left = 2; left > 0; left--) {
      const at = random(given.length - 1)
      const edits = [
        () => given.slice(0, at) + given.slice(at + 1),
        () => `${given.slice(0, at)}z${given.slice(at)}`,
        () => `${given.slice(0, at)}z${given.slice(at + 1)}`,
        () => given.slice(0, at) + given[at + 1]! + given[at]! + given.slice(at + 2),
      ]
      given = edits[random(edits.length)]!()
    }
    // Six letters that became four: a third of six.
    assert.is(didYouMean(given, ['zzzzzzzzzzzz', name]), `; did you mean ${name}?`, `${given} of ${name}`)
  }
})

Nearest('nearest.N2: a wrong package hides no service, nor does a mistyped end', () => {
  const names = ['examples.counter.v1.Counter', 'examples.cart.v1.ShoppingCart']
  for (const given of ['shop.v1.Counter', 'Conter', 'exmaples.counter.v1.Counter', 'example.counter.v1.Conter'])
    assert.is(didYouMean(given, names), '; did you mean examples.counter.v1.Counter?', given)
})

Nearest('nearest.N3: of what is equally near three are told', () => {
  const names = ['a.Thing', 'b.Thing', 'c.Thing', 'd.Thing', 'e.Thingy']
  assert.is(didYouMean('Thinq', names), '; did you mean a.Thing or b.Thing or c.Thing?')
  assert.is(didYouMean('jsn', ['json', 'help'], '', '--'), '; did you mean --json?')
})

const Short = suite('short name')
const names = ['a.v1.Counter', 'b.v1.Counter', 'c.v1.Cart', 'Cart', 'd.v1.BigCounter']

Short('short-name.S1: a whole name is itself, whatever else ends so', () => {
  assert.equal(meant(names, 'Cart'), { name: 'Cart' })
  assert.equal(meant(names, 'v1.Cart'), { name: 'c.v1.Cart' })
  assert.equal(meant(names, 'BigCounter'), { name: 'd.v1.BigCounter' })
  assert.equal(meant(names, 'arT'), {})
  assert.equal(meant(names, '1.Cart'), {})
})

Short('short-name.S2: an end that several have is ambiguous, and the words name them all', () => {
  assert.equal(meant(names, 'Counter'), {
    ambiguous: 'Counter may be a.v1.Counter or b.v1.Counter; say more of the name',
  })
  assert.equal(meant(names, 'a.v1.Counter'), { name: 'a.v1.Counter' })
})

Nearest.run()
Short.run()
