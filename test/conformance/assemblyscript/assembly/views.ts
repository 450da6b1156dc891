// Notes, Board and Crowd: the model views.
import { Change, ORSet, Rows, TableView } from '@innkeeper/sdk-assemblyscript/assembly'
import {
  BoardName,
  Box,
  Cell,
  Cleared,
  CrowdName,
  EventsName,
  MembersName,
  Noted,
  NotesName,
  ReplicasName,
  ValuesName,
} from './gen/conformance'
import { All, shownOf } from './replicas'

export const notes = new TableView<Cell>(NotesName)
notes
  .events(EventsName)
  .row<Noted>((noted: Noted, row: Cell | null, change: Change): Cell | null => {
    const text = row === null ? '' : row.text
    const count = row === null ? 0 : row.count
    return Cell.of(change.entity, text + noted.text, count + 1)
  })
  .row<Cleared>((cleared: Cleared, row: Cell | null, change: Change): Cell | null => null)

export const board = new TableView<Cell>(BoardName)
board.events(EventsName).rows<Noted>(
  (noted: Noted, change: Change): string[] => [`w:${noted.text}`],
  (noted: Noted, words: Rows<Cell>, change: Change): void => {
    const key = `w:${noted.text}`
    const word = words.get(key)
    words.put(key, Cell.of(key, noted.text, word === null ? 1 : word.count + 1))
  },
)
board.values(ValuesName).rows<Box>(
  (box: Box, change: Change): string[] => [`v:${box.text}:${change.entity}`],
  (box: Box, boxes: Rows<Cell>, change: Change): void => {
    const key = `v:${box.text}:${change.entity}`
    boxes.put(key, Cell.of(key, box.text, change.sequence))
  },
)

export const crowd = new TableView<Cell>(CrowdName)
crowd
  .replicas(ReplicasName)
  .replica<All>((all: All, row: Cell | null, change: Change): Cell | null =>
    Cell.of(change.entity, shownOf(all), all.m.size),
  )
crowd.replicas(MembersName).replicaRows<ORSet>(
  (members: ORSet, change: Change): string[] => {
    const keys: string[] = []
    const texts = members.elements()
    for (let i = 0; i < texts.length; i++) keys.push(`m:${texts[i]}:${change.entity}`)
    return keys
  },
  (members: ORSet, cells: Rows<Cell>, change: Change): void => {
    const texts = members.elements()
    for (let i = 0; i < texts.length; i++) {
      const key = `m:${texts[i]}:${change.entity}`
      cells.put(key, Cell.of(key, texts[i], members.size))
    }
  },
)
