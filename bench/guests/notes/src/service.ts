// What `npm run bench -- peers` writes payloads to: one text a key, and how often it was put.
import { accept, update, value } from '@innkeeper/sdk'
import { Note, Notes } from './gen/notes.ts'

export default value(Notes, {
  value: Note,
  decide: {
    put: (current, { text }) => {
      const note = Note({ value: (current?.value ?? 0n) + 1n, text })
      return update(note).reply({ value: note.value })
    },
    fetch: (current) => accept().reply(current ?? Note({})),
  },
})
