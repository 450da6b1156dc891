// Guards that texts which are kept take a bounded place, and are never taken for others.

import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { Decoder, Encoder } from '../../host/guest/interner.ts'

const Texts = suite('interner')

Texts('interner.N1: of many texts few are kept, and of long ones none', () => {
  const encoder = new Encoder()
  const first = encoder.encode('first')
  assert.is(encoder.encode('first'), first)
  for (let at = 0; at < 10_000; at++) encoder.encode(`text ${at}`)
  assert.is.not(encoder.encode('first'), first)
  const long = 'x'.repeat(65)
  assert.is.not(encoder.encode(long), encoder.encode(long))
  assert.is(new Decoder().decode(Buffer.from(long), 0, 65), undefined)
})

Texts('interner.N2: a text is what its bytes are, whatever stood in its slot before', () => {
  const decoder = new Decoder()
  // More than there are slots, so many share one; and two whose hashes are equal: 31 · "A" + "a" is 31 · "B" + "B".
  for (const text of [...Array.from({ length: 2_000 }, (_, at) => `text ${at}`), 'Aa', 'BB', 'Aa']) {
    const bytes = Buffer.from(`..${text}..`)
    for (let times = 0; times < 2; times++) assert.is(decoder.decode(bytes, 2, text.length), text)
  }
})

Texts.run()
