// Nearest: which known names a person may have meant by one that does not exist.
//
// N1. One rule for all: at most a third of the longer name's letters differ (at least one may), where a letter that is added, left out, changed or
//     swapped with its neighbour counts as one, and upper case as lower. What begins with the name, or the name with it, is meant as well.
// N2. Names in packages are also compared by their last parts: a wrong package hides no service.
// N3. Of the nearest at most `shownMax` are told, in their order; of a name of more than `lengthMax` letters none.

const shownMax = 3
const lengthMax = 200
/** Shorter beginnings begin too much. */
const beginningMin = 3

/** As in "; did you mean a.v1.Counter or b.v1.Counter?"; else `otherwise`. `before`: what a person writes before each name. */
export function didYouMean(given: string, known: Iterable<string>, otherwise = '', before = ''): string {
  const near = nearest(given, known)
  return near.length === 0 ? otherwise : `; did you mean ${near.map((name) => before + name).join(' or ')}?`
}

function nearest(given: string, known: Iterable<string>): readonly string[] {
  if (given === '' || given.length > lengthMax) return []
  let least = Number.POSITIVE_INFINITY
  let near: string[] = []
  for (const name of known) {
    const distance = Math.min(apart(given, name), apart(last(given), last(name)))
    if (distance > least || distance === Number.POSITIVE_INFINITY) continue
    if (distance < least) near = []
    least = distance
    near.push(name)
  }
  return near.slice(0, shownMax)
}

function last(name: string): string {
  return name.slice(name.lastIndexOf('.') + 1)
}

/** How many letters differ; infinite, if too many do for the one to be meant by the other. */
function apart(given: string, name: string): number {
  const [a, b] = [given.toLowerCase(), name.toLowerCase()]
  const most = Math.max(1, Math.floor(Math.max(a.length, b.length) / 3))
  const begins = Math.min(a.length, b.length) >= beginningMin && (a.startsWith(b) || b.startsWith(a))
  if (!begins && Math.abs(a.length - b.length) > most) return Number.POSITIVE_INFINITY
  const distance = differing(a, b)
  return begins || distance <= most ? distance : Number.POSITIVE_INFINITY
}

/** Row by row, with the two rows before it. */
function differing(a: string, b: string): number {
  let before: number[] = []
  let row = Array.from({ length: b.length + 1 }, (_, at) => at)
  for (let i = 1; i <= a.length; i++) {
    const next = [i]
    for (let j = 1; j <= b.length; j++) {
      const changed = row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1)
      const swapped = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1] ? before[j - 2]! + 1 : changed
      next.push(Math.min(row[j]! + 1, next[j - 1]! + 1, changed, swapped))
    }
    before = row
    row = next
  }
  return row[b.length]!
}
