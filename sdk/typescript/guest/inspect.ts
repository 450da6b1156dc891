// Inspect: values as text for a log, as Node shows the simple ones, each in one line.
//
// I1. It never fails: a getter is not asked, and a value that cannot be looked at says so.
// I2. Bounded: `depthMax` levels, and `charactersMax` a value, however large it is.
// I3. No names of classes and functions: a component's are shortened.
//
// Few functions, and none inside another: QuickJS keeps the text of each, and of what is in it again.

const depthMax = 3
const charactersMax = 1024

/** The arguments of one `console.log`. */
export function formatted(values: readonly unknown[]): string {
  const texts = values.map((value) => (typeof value === 'string' ? value : inspect(value)))
  if (texts.length > 1 && typeof values[0] === 'string') {
    // A directive takes the next argument.
    texts[0] = values[0].replace(/%[sdifjoOc%]/g, (directive) =>
      directive === '%%' ? '%' : texts.length === 1 ? directive : texts.splice(1, 1)[0]!,
    )
  }
  return texts.join(' ')
}

export function inspect(value: unknown): string {
  try {
    const text = textOf(value, [], { characters: charactersMax })
    return text.length <= charactersMax ? text : `${text.slice(0, charactersMax)}...`
  } catch {
    return '[cannot be shown]'
  }
}

function textOf(value: unknown, above: readonly object[], left: { characters: number }): string {
  if (typeof value === 'string') return quoted(value.slice(0, charactersMax))
  if (typeof value === 'bigint') return `${value}n`
  if (typeof value === 'function') return '[Function]'
  if (typeof value !== 'object' || value === null) return Object.is(value, -0) ? '-0' : String(value)
  if (value instanceof Error) return above.length === 0 ? String(value) : `[${value}]`
  if (above.includes(value)) return '[Circular]'
  const isArray = Array.isArray(value)
  if (above.length > depthMax) return isArray ? '[Array]' : '[Object]'
  const isMap = value instanceof Map
  const isBytes = value instanceof Uint8Array
  const keyed = !isArray && !isMap && !isBytes && !(value instanceof Set)
  const path = [...above, value]
  const parts: string[] = []
  for (const item of keyed ? Object.keys(value) : (value as Iterable<unknown>)) {
    if (left.characters < 0) {
      parts.push('...')
      break
    }
    const part = keyed
      ? propertyOf(value, item as string, path, left)
      : isMap
        ? `${textOf((item as unknown[])[0], path, left)} => ${textOf((item as unknown[])[1], path, left)}`
        : textOf(item, path, left)
    left.characters -= part.length
    parts.push(part)
  }
  const kind = isBytes ? `Uint8Array(${value.length}) ` : isMap ? `Map(${value.size}) ` : keyed || isArray ? '' : 'Set '
  const [open, close] = isArray || isBytes ? '[]' : '{}'
  return parts.length === 0 ? `${kind}${open}${close}` : `${kind}${open} ${parts.join(', ')} ${close}`
}

function propertyOf(value: object, key: string, path: readonly object[], left: { characters: number }): string {
  const { get, value: item } = Object.getOwnPropertyDescriptor(value, key)!
  const label = /^[A-Za-z_$][\w$]*$/.test(key) ? key : quoted(key)
  return `${label}: ${get === undefined ? textOf(item, path, left) : '[Getter]'}`
}

function quoted(text: string): string {
  return `'${JSON.stringify(text).slice(1, -1).replaceAll('\\"', '"').replaceAll("'", "\\'")}'`
}
