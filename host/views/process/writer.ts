// Writer: the process that writes tables. There is one for a data directory, so that no write waits for another's lock.
//
// Owns: files that are open.   table.ts owns: the work.

import type { ViewGuest } from '../../guest/guest.ts'
import { load } from '../../guest/load.ts'
import { Learned } from './learned.ts'
import { Projector } from './projector.ts'
import type { Learn, TableName, WriterOptions, WriterRequest } from './protocol.ts'
import { serve } from './serve.ts'
import { dropTable, Table } from './table.ts'

const limits = JSON.parse(process.argv[2]!) as WriterOptions
const learned = new Learned()
/** What projects, by component; compiled when it is first needed. */
const artefacts = new Map<number, Learn['artefact']>()
const guests = new Map<number, ViewGuest>()
/** By path. */
const projectors = new Map<string, Projector>()
const open = new Map<string, Table>()

serve((request: WriterRequest) => {
  switch (request.kind) {
    case 'learn':
      learned.learn(request)
      artefacts.set(request.component, request.artefact)
      return undefined
    case 'drop':
      open.get(request.path)?.close()
      open.delete(request.path)
      projectors.delete(request.path)
      dropTable(request.path)
      return undefined
    case 'open':
      return tableOf(request).offsets()
    case 'apply':
      return tableOf(request).apply(request.batch)
    case 'project':
      return projectorOf(request).project(tableOf(request), request.steps, request.offsets)
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

function projectorOf({ component, service, path }: TableName): Projector {
  let projector = projectors.get(path)
  if (projector === undefined) {
    projector = new Projector(guestOf(component), service)
    projectors.set(path, projector)
  }
  return projector
}

function guestOf(component: number): ViewGuest {
  let guest = guests.get(component)
  if (guest === undefined) {
    guest = load(artefacts.get(component)!, limits).view!
    guests.set(component, guest)
  }
  return guest
}
