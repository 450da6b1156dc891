// Print: what commands show to a person.

import { printable } from '../printable.ts'

/** Columns as wide as their widest cell. */
export function table(rows: readonly (readonly string[])[]): string {
  const widths: number[] = []
  for (const row of rows)
    for (const [index, cell] of row.entries()) widths[index] = Math.max(widths[index] ?? 0, cell.length)
  return rows
    .map((row) =>
      row
        .map((cell, index) => cell.padEnd(widths[index]!))
        .join('  ')
        .trimEnd(),
    )
    .join('\n')
}

/** The id of an entity, which its callers chose: an empty one can be seen, and nothing in it acts on a terminal. */
export function entityName(id: string): string {
  return id === '' ? '""' : printable(id)
}

/** As in "1 event", "2 events". */
export function counted(count: number, one: string, many = `${one}s`): string {
  return `${count.toLocaleString('en-US')} ${count === 1 ? one : many}`
}

export function bytes(count: number): string {
  if (count < 10_000) return `${count} B`
  return count < 10_000_000 ? `${(count / 1000).toFixed(0)} KB` : `${(count / 1_000_000).toFixed(1)} MB`
}

export function seconds(ms: number): string {
  return ms < 1_000 ? `${Math.round(ms)} ms` : `${(ms / 1000).toFixed(1)} s`
}

/** Progress of long work: a line a step, on standard error, so that the output stays the result. */
export function progress(step: string): void {
  process.stderr.write(`  ${step}\n`)
}

export function print(text: string): void {
  process.stdout.write(`${text}\n`)
}

/** A list is not whole: what of it cannot be read. */
export function printPassedOver(parts: readonly string[]): void {
  for (const part of parts) print(`not listed: ${part}; \`inn doctor --data DIR\` names the damage`)
}

export function printJson(value: unknown): void {
  print(JSON.stringify(value, null, 2))
}
