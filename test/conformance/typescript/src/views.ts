// Notes and Board: the model views.
import { eventsOf, rows, valuesOf, view } from '@innkeeper/sdk'
import { Board, Box, Cell, Events, Notes, Values } from './gen/conformance.ts'

export const notes = view(
  Notes,
  Cell,
  eventsOf(Events, {
    Noted: ({ text }, row, { entity }) => ({
      key: entity,
      text: (row?.text ?? '') + text,
      count: (row?.count ?? 0n) + 1n,
    }),
    Cleared: () => undefined,
  }),
)

export const board = view(
  Board,
  Cell,
  eventsOf(Events, {
    Noted: rows(
      ({ text }) => [`w:${text}`],
      ({ text }, words) => {
        const key = `w:${text}`
        words.put(key, { key, text, count: (words.get(key)?.count ?? 0n) + 1n })
      },
    ),
  }),
  valuesOf(Values, Box, {
    updated: rows(
      ({ text }, { entity }) => [`v:${text}:${entity}`],
      ({ text }, boxes, { entity, sequence }) => {
        const key = `v:${text}:${entity}`
        boxes.put(key, { key, text, count: BigInt(sequence) })
      },
    ),
  }),
)
