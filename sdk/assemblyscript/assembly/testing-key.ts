// Key, for tests: which entity a request names, as the host reads it (docs/reference/behaviour.md, §key).
//
// The entity of a test is the one that it names by `entity`, else the one that its first request names. A request for another one,
// or one that forgets its key, fails the test.

import { Bytes } from './bytes'
import { KeyField, Method } from './method'
import { Reader } from './reader'
import { Service } from './service'

export class Naming {
  /** `given`: by the test; `asked`: by its requests so far. */
  constructor(
    private given: string | null,
    private asked: string | null,
  ) {}

  get entity(): string {
    const given = this.given
    if (given !== null) return given
    const asked = this.asked
    return asked === null ? 'entity' : asked
  }

  /** Of the entity that this is asked of. */
  of(service: Service, method: string, request: Bytes): Naming {
    if (this.given !== null) return this
    const key = keyOf(service, method, request)
    if (key === null) return this
    const forgotten = key.forgotten
    if (forgotten !== null) throw new Error(`${forgotten}, or name the entity by entity()`)
    const before = this.asked
    if (before !== null && before != key.text) {
      const begin = `but the test is about '${before}': begin another one with given`
      throw new Error(`${method} is asked of '${key.text}', ${begin}`)
    }
    return new Naming(null, key.text)
  }
}

@final
export class Key {
  constructor(
    readonly text: string,
    /** What the host says of a request that forgets its key. */
    readonly forgotten: string | null,
  ) {}
}

export function methodNamed(service: Service, name: string): Method | null {
  const methods = service.__methods()
  for (let i = 0; i < methods.length; i++) if (methods[i].name == name) return methods[i]
  return null
}

/** Null where the method names no entity, or the bytes are no request: the service itself refuses those. */
export function keyOf(service: Service, name: string, request: Bytes): Key | null {
  const method = methodNamed(service, name)
  if (method === null || method.key.length == 0) return null
  const texts = read(method.key, request)
  if (texts === null) return null
  for (let i = 0; i < texts.length; i++) {
    const field = method.key[i]
    if (texts[i] == '' && !field.mayBeEmpty)
      return new Key('', `${service.__name()}/${name}: the field ${field.name} names the entity and is empty; set it in the request`)
  }
  return new Key(texts.join('-'), null)
}

function read(key: KeyField[], request: Bytes): string[] | null {
  const texts: string[] = []
  for (let i = 0; i < key.length; i++) texts.push(missing(key[i].type))
  const reader = new Reader(request)
  while (reader.more()) {
    const tag = reader.tag()
    let place = -1
    for (let i = 0; i < key.length; i++) if (((key[i].number << 3) | wireTypeOf(key[i].type)) == tag) place = i
    if (place < 0) reader.skip(tag)
    else texts[place] = textOf(key[place].type, reader)
  }
  return reader.problem === null ? texts : null
}

function missing(type: string): string {
  if (type == 'string' || type == 'bytes') return ''
  return type == 'bool' ? 'false' : '0'
}

function wireTypeOf(type: string): u32 {
  if (type == 'string' || type == 'bytes') return 2
  if (type == 'double' || type == 'fixed64' || type == 'sfixed64') return 1
  return type == 'float' || type == 'fixed32' || type == 'sfixed32' ? 5 : 0
}

function textOf(type: string, reader: Reader): string {
  if (type == 'string') return reader.string()
  if (type == 'bytes') return base64(reader.raw())
  if (type == 'bool') return reader.bool() ? 'true' : 'false'
  if (type == 'int32') return reader.int32().toString()
  if (type == 'uint32') return reader.uint32().toString()
  if (type == 'sint32') return reader.sint32().toString()
  if (type == 'fixed32') return reader.fixed32().toString()
  if (type == 'sfixed32') return reader.sfixed32().toString()
  if (type == 'int64') return reader.int64().toString()
  if (type == 'uint64') return reader.uint64().toString()
  if (type == 'sint64') return reader.sint64().toString()
  if (type == 'fixed64') return reader.fixed64().toString()
  if (type == 'sfixed64') return reader.sfixed64().toString()
  if (type == 'float') return whole(<f64>reader.float())
  return whole(reader.double())
}

/** As JavaScript writes a number: without the ".0" of a whole one. */
function whole(value: f64): string {
  const text = value.toString()
  return text.endsWith('.0') ? text.slice(0, -2) : text
}

const digits = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/'

function base64(bytes: Bytes): string {
  let text = ''
  for (let at = 0; at < bytes.length; at += 3) {
    const count = min(3, bytes.length - at)
    let bits: u32 = 0
    for (let i = 0; i < 3; i++) bits = (bits << 8) | (i < count ? <u32>bytes[at + i] : 0)
    for (let i = 0; i < 4; i++) text += i <= count ? digits.charAt(<i32>((bits >> <u32>(18 - 6 * i)) & 63)) : '='
  }
  return text
}
