// Notes, Board and Crowd: the model views.
import { eventsOf, replicasOf, rows, valuesOf, view } from '@innkeeper/sdk'
import { Board, Box, Cell, Crowd, Events, Members, Notes, Replicas, Values } from './gen/conformance.ts'
import { set } from './members.ts'
import { all, shown } from './replicas.ts'

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

export const crowd = view(
  Crowd,
  Cell,
  replicasOf(Replicas, all, {
    updated: (value, _, { entity }) => ({ key: entity, text: shown(value), count: BigInt(value.m.size) }),
  }),
  replicasOf(Members, set, {
    updated: rows(
      (members, { entity }) => [...members].map((one) => `m:${one}:${entity}`),
      (members, cells, { entity }) => {
        for (const text of members) {
          const key = `m:${text}:${entity}`
          cells.put(key, { key, text, count: BigInt(members.size) })
        }
      },
    ),
  }),
)
