// Unfit: what is said of a value that a field cannot hold.

export function unfitText(type: string, value: unknown): string {
  const given =
    typeof value === 'bigint' ? `${value}n` : typeof value === 'string' ? JSON.stringify(value) : String(value)
  const hint = type.includes('64') && typeof value === 'number' ? '; 64-bit fields take a bigint, such as 1n' : ''
  return `a field of type ${type} cannot hold ${given.slice(0, 64)}${hint}`
}
