// Long JSON: a value that is JSON already, made by another thread, and goes into an answer as it is: to read it here would hold the loop.

export class LongJson {
  readonly text: string

  constructor(text: string) {
    this.text = text
  }
}

/** The JSON of an object whose members may be LongJson. */
export function jsonOf(object: Readonly<Record<string, unknown>>): string {
  const members = Object.entries(object).flatMap(([name, value]) => {
    const text = value instanceof LongJson ? value.text : JSON.stringify(value)
    return text === undefined ? [] : [`${JSON.stringify(name)}:${text}`]
  })
  return `{${members.join()}}`
}
