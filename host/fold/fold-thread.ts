// Fold thread: runs functions on what is stored, off the loop that serves. Started by folder.ts, ended by it. It writes nothing: the host does
// with the answer what it wants.
//
// T2. It folds by the same code as an entity that wakes up (folded-state.ts), so that both find the same.

import { parentPort, workerData } from 'node:worker_threads'
import { FoldedState, ReplayFault } from '../entity/folded-state.ts'
import { ReadingCost } from '../entity/reading-cost.ts'
import { type EventSourcedGuest, GuestFault } from '../guest/guest.ts'
import { load } from '../guest/load.ts'
import { type Folded, type FoldTask, type FoldThread, type ProbeTask, type ToldFault, toldFault } from './fold-task.ts'
import { JournalUnread, PortedJournal } from './journal-port.ts'
import { PrefixJournal } from './prefix.ts'

const { artefact, limits, journal } = workerData as FoldThread
const { eventSourced, value } = load(artefact, limits)
const ported = new PortedJournal(journal)

parentPort!.on('message', (task: FoldTask | ProbeTask) => {
  parentPort!.postMessage(task.kind === 'fold' ? fold(task, eventSourced!) : probe(task))
})

function fold({ service, id, entity, stateVersion, at }: FoldTask, guest: EventSourcedGuest): Folded {
  try {
    const state = new FoldedState(
      {
        guest,
        journal: at === undefined ? ported : new PrefixJournal(ported, at),
        limits,
        service,
        stateVersion,
        cost: new ReadingCost(limits),
        replayed: () => {},
        snapshotLoaded: () => {},
      },
      { id, entity },
    )
    for (;;) {
      while (!state.ready) state.step()
      const written = write(state)
      if (written === 'lost') continue
      const { revision, sequence } = state
      const bytes = written instanceof GuestFault ? undefined : written
      const unwritten = written instanceof GuestFault ? toldFault(written) : undefined
      return { kind: 'folded', revision, sequence, state: bytes, unwritten, ...reading(guest, service, id, bytes) }
    }
  } catch (error) {
    if (error instanceof ReplayFault) {
      const { sequence, typeName, fault } = error
      return { kind: 'stuck', sequence, typeName, fault: toldFault(fault) }
    }
    if (error instanceof JournalUnread) return { kind: 'unread', message: error.message }
    throw error
  }
}

/** The state's bytes; undefined where there are no events. */
function write(state: FoldedState): Uint8Array | GuestFault | 'lost' | undefined {
  if (state.sequence === 0) return undefined
  try {
    return state.encoded() ?? 'lost'
  } catch (error) {
    if (error instanceof GuestFault) return error
    throw error
  }
}

/** What reading the state takes. */
function reading(
  guest: EventSourcedGuest,
  service: string,
  id: string,
  bytes: Uint8Array | undefined,
): { readonly units: number; readonly given: number } {
  if (bytes === undefined) return { units: 0, given: 1 }
  try {
    guest.evolve(service, id, { kind: 'state', bytes }, [], false)
    const { used, given } = guest.lastCall
    return { units: used, given }
  } catch (error) {
    if (!(error instanceof GuestFault)) throw error
    return { units: Number.POSITIVE_INFINITY, given: 1 }
  }
}

function probe({ service, id, basis, commands }: ProbeTask): { readonly fault: ToldFault | undefined } {
  try {
    value!.decide(service, id, basis, commands)
    return { fault: undefined }
  } catch (error) {
    if (error instanceof GuestFault) return { fault: toldFault(error) }
    throw error
  }
}
