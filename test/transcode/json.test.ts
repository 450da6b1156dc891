// Guards the reading of JSON: the same as JSON.parse where that loses nothing, and nothing lost elsewhere.

import fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { ExactNumber, JsonError, parseJson, wholeNumber } from '../../host/transcode/json.ts'

const Text = suite('JSON')

Text('json.N1: any JSON is read as JSON.parse reads it', () => {
  const value = fc.jsonValue()
  fc.assert(
    fc.property(value, fc.constantFrom(undefined, 1, '\t'), (json, space) => {
      const text = JSON.stringify(json, undefined, space)
      assert.is(JSON.stringify(JSON.parse(JSON.stringify(parseJson(text)))), JSON.stringify(JSON.parse(text)))
    }),
    { numRuns: 500 },
  )
})

Text('json.N1: what JSON.parse refuses is refused, with the place', () => {
  const cut = fc.tuple(
    fc.json(),
    fc.nat(60),
    fc.constantFrom('', '}', ']', ',', ':', '"', '\\', '0', '-', '.', 'e', 'x'),
  )
  fc.assert(
    fc.property(cut, ([json, at, put]) => {
      const text = `${json.slice(0, at)}${put}${json.slice(at + 1)}`
      let theirs: unknown
      try {
        theirs = JSON.parse(text)
      } catch {
        assert.throws(
          () => parseJson(text),
          (error: Error) => error instanceof JsonError && / at character \d+$/.test(error.message),
        )
        return
      }
      // Names that are there twice are refused by ours alone.
      try {
        assert.is(JSON.stringify(JSON.parse(JSON.stringify(parseJson(text)))), JSON.stringify(theirs))
      } catch (error) {
        assert.match((error as Error).message, ' twice, at character ')
      }
    }),
    { numRuns: 2_000 },
  )
  for (const text of [
    '',
    ' ',
    '01',
    '+1',
    '.5',
    '1.',
    '1e',
    '--1',
    'tru',
    'nulll',
    '[1,]',
    '{"a":1,}',
    '{a:1}',
    "'a'",
    '"\t"',
    '"\\x"',
    '"a',
    '\ufeff{}',
  ])
    assert.throws(
      () => parseJson(text),
      (error: Error) => error instanceof JsonError,
      text,
    )
  assert.throws(() => parseJson('{"a":{"b":1, "b":2}}'), 'an object has the name "b" twice, at character 14')
  assert.throws(() => parseJson('{"a":1,"\\u0061":2}'), 'an object has the name "a" twice')
  assert.throws(() => parseJson('{"a" 1}'), '":" is expected, and not "1", at character 6')
  assert.throws(() => parseJson('[1'), '"," or "]" is expected, and the text ends, at character 3')
})

Text('json.N2: a number that a double cannot hold to the last digit stays as it was sent', () => {
  for (const text of [
    '9007199254740993',
    '18446744073709551615',
    '0.1234567890123456789',
    '1e400',
    '-1e400',
    '123456789012345678e-3',
  ]) {
    const number = parseJson(text)
    assert.ok(number instanceof ExactNumber, text)
    assert.is(number.text, text)
    assert.is(JSON.stringify({ a: [number] }), `{"a":[${text}]}`)
  }
  for (const text of ['0', '-0', '1', '-1.5', '1e22', '123456789012345', '1E-7'])
    assert.is(parseJson(text), Number(text))
})

Text('json.N3: nesting is bounded', () => {
  const deep = (depth: number) => `${'['.repeat(depth)}${']'.repeat(depth)}`
  parseJson(deep(500))
  assert.throws(() => parseJson(deep(501)), 'nested more than 500 deep')
  assert.throws(() => parseJson('{"a":'.repeat(100_000)), 'nested more than 500 deep')
})

Text('no name becomes anything but a member', () => {
  const json = parseJson('{"__proto__":{"admin":true},"constructor":1,"hasOwnProperty":2}') as {
    [name: string]: unknown
  }
  assert.equal(Object.keys(json), ['__proto__', 'constructor', 'hasOwnProperty'])
  assert.is(Object.getPrototypeOf(json), Object.prototype)
  assert.is((json as { admin?: unknown }).admin, undefined)
})

Text('a whole number is one in whatever way it is written', () => {
  const whole = fc.bigInt({ min: -(2n ** 64n), max: 2n ** 64n })
  fc.assert(
    fc.property(whole, fc.nat(30), fc.nat(4), (value, zeros, places) => {
      const text = String(value)
      assert.is(wholeNumber(text), value)
      assert.is(wholeNumber(`${text}.${'0'.repeat(zeros + 1)}`), value)
      assert.is(wholeNumber(`${text}${'0'.repeat(places)}e-${places}`), value)
      if (value !== 0n) assert.is(wholeNumber(`${text}.5`), undefined)
    }),
  )
  assert.is(wholeNumber('1.5e1'), 15n)
  assert.is(wholeNumber('1.5'), undefined)
  assert.is(wholeNumber('1e-1'), undefined)
  assert.ok(wholeNumber('1e999999')! > 2n ** 64n)
  assert.ok(wholeNumber('-1e999999')! < -(2n ** 64n))
  assert.is(wholeNumber('0e999999'), 0n)
  assert.is(wholeNumber(`0.${'0'.repeat(100_000)}`), 0n)
})

Text.run()
