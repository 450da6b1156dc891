// Show: values as text that a person can compare, and the first lines where two differ.

/** Like JSON, with bigint, bytes, maps and sets, and the order of keys as it is. */
export function show(value: unknown, indent = ''): string {
  const inner = `${indent}  `
  const list = (open: string, items: readonly string[], close: string): string => {
    if (items.length === 0) return `${open}${close}`
    const line = `${open} ${items.join(', ')} ${close}`
    if (line.length + indent.length <= 100 && !line.includes('\n')) return line
    return `${open}\n${items.map((item) => `${inner}${item}`).join(',\n')}\n${indent}${close}`
  }
  if (typeof value === 'string') return JSON.stringify(value)
  if (typeof value === 'bigint') return `${value}n`
  if (typeof value === 'function') return '[function]'
  if (typeof value !== 'object' || value === null) return Object.is(value, -0) ? '-0' : String(value)
  if (value instanceof Uint8Array)
    return `bytes(${[...value].map((byte) => byte.toString(16).padStart(2, '0')).join(' ')})`
  if (Array.isArray(value))
    return list(
      '[',
      value.map((item) => show(item, inner)),
      ']',
    )
  if (value instanceof Map) {
    return list(
      'Map {',
      [...value].map(([key, item]) => `${show(key, inner)} => ${show(item, inner)}`),
      '}',
    )
  }
  if (value instanceof Set)
    return list(
      'Set {',
      [...value].map((item) => show(item, inner)),
      '}',
    )
  const entries = Object.entries(value).filter(([, item]) => item !== undefined)
  return list(
    '{',
    entries.map(([key, item]) => `${key}: ${show(item, inner)}`),
    '}',
  )
}

/** Both texts, line by line: `-` is expected and missing, `+` came instead. */
export function difference(expected: string, actual: string): string {
  const [before, after] = [expected.split('\n'), actual.split('\n')]
  let same = 0
  while (same < before.length && same < after.length && before[same] === after[same]) same++
  let tail = 0
  while (tail < before.length - same && tail < after.length - same && before.at(-1 - tail) === after.at(-1 - tail))
    tail++
  return [
    ...before.slice(Math.max(0, same - 3), same).map((line) => `  ${line}`),
    ...before.slice(same, before.length - tail).map((line) => `- ${line}`),
    ...after.slice(same, after.length - tail).map((line) => `+ ${line}`),
    ...before.slice(before.length - tail, before.length - tail + 3).map((line) => `  ${line}`),
  ].join('\n')
}
