// Notes and Board: the model views.
import { Change, Rows, TableView } from '@innkeeper/sdk-assemblyscript/assembly'
import { BoardName, Box, Cell, Cleared, EventsName, Noted, NotesName, ValuesName } from './gen/conformance'

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
