// Shown: a stranger's name in a reason: on one line, in plain characters, and not endless.

const lengthMax = 100

export function shown(name: string): string {
  return name.slice(0, lengthMax).replace(/[^\x20-\x7e]/g, '?')
}
