// Writer: the process that writes tables. There is one for a data directory, so that no write waits for another's lock.
//
// Owns: files that are open.   table.ts owns: the work.

import { Learned } from './learned.ts'
import type { TableName, WriterRequest } from './protocol.ts'
import { serve } from './serve.ts'
import { dropTable, Table } from './table.ts'

const learned = new Learned()
const open = new Map<string, Table>()

serve((request: WriterRequest) => {
  switch (request.kind) {
    case 'learn':
      learned.learn(request)
      return undefined
    case 'drop':
      open.get(request.path)?.close()
      open.delete(request.path)
      dropTable(request.path)
      return undefined
    case 'open':
      return tableOf(request).offsets()
    case 'apply':
      return tableOf(request).apply(request.batch)
    case 'rows': {
      const table = tableOf(request)
      return request.keys.map((key) => table.row(key))
    }
    case 'sources': {
      const table = tableOf(request)
      return request.of.map(({ service, entity }) => table.source(service, entity))
    }
    case 'checkpoint':
      return tableOf(request).checkpoint()
    case 'size':
      return tableOf(request).size()
  }
})

function tableOf({ component, service, path }: TableName): Table {
  let table = open.get(path)
  if (table === undefined) {
    const view = learned.view(component, service)
    table = new Table(path, view, view.row, learned.of(component).schema)
    open.set(path, table)
  }
  return table
}
