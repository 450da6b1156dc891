// Section: the part of a document that a run writes, between two marks.

import { Refusal } from './refusal.ts'

export const begin = '<!-- peers: written by `npm run bench -- peers --write`, not by hand -->'
export const end = '<!-- peers: end -->'

/** `name`: of the document, for the error. */
export function replaced(document: string, section: string, name: string): string {
  const from = document.indexOf(begin)
  const to = document.indexOf(end)
  if (from === -1 || to < from)
    throw new Refusal(`${name} has no section for the table: two lines, ${begin} and then ${end}`)
  return `${document.slice(0, from + begin.length)}\n\n${section}\n\n${document.slice(to)}`
}
