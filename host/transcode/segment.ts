// Segment: a part of a path between two slashes, as the server at the other end may read it.
//
// S1. Decoded as often as there is something to decode, since servers and proxies do so once, twice, or whatever: a segment that becomes `.` or
//     `..`, also before a ";", or has a slash, a backslash or a control character then, would make the path another one.
// S2. Decoded is also what only old servers read: `%u002e`, and UTF-8 of more bytes than a character needs (`%c0%ae`).

const decodedMax = 16

/** What is wrong with a segment of a path, percent-encoded as it is sent; undefined: nothing. */
export function segmentProblem(segment: string): string | undefined {
  let text = segment
  for (let times = 0; ; times++) {
    const semicolon = text.indexOf(';')
    const name = semicolon === -1 ? text : text.slice(0, semicolon)
    if (name === '.' || name === '..') return `means "${name}"`
    if (text.includes('/')) return 'has a "/"'
    if (text.includes('\\')) return 'has a "\\"'
    // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for.
    if (/[\u0000-\u001f\u007f]/.test(text)) return 'has a control character'
    const decoded = shortest(
      text.replace(/%(?:u([0-9A-Fa-f]{4})|([0-9A-Fa-f]{2}))/g, (_, unit?: string, byte?: string) =>
        String.fromCharCode(Number.parseInt((unit ?? byte)!, 16)),
      ),
    )
    if (decoded === text) return undefined
    if (times === decodedMax) return 'is percent-encoded too many times'
    text = decoded
  }
}

/** Bytes of UTF-8, one a character, as they are decoded: an ASCII character that was written with too many is what it means. */
function shortest(bytes: string): string {
  return bytes.replace(
    /[\u00c0\u00c1][\u0080-\u00bf]|\u00e0[\u0080\u0081][\u0080-\u00bf]|\u00f0\u0080[\u0080\u0081][\u0080-\u00bf]/g,
    (long) =>
      String.fromCharCode(((long.charCodeAt(long.length - 2) & 1) << 6) | (long.charCodeAt(long.length - 1) & 0x3f)),
  )
}

/** The first problem of a path that is about to be sent: without query, beginning with "/". */
export function pathProblem(path: string): string | undefined {
  for (const segment of path.split('/')) {
    const problem = segmentProblem(segment)
    if (problem !== undefined) return `a segment of the path ${problem}`
  }
  return undefined
}
