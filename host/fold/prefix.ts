// Prefix: the journal of an entity as it was after an event, for a state of then.

import type { EntityRef, Journal } from '../journal/journal.ts'
import { type Opening, type OpeningAsked, openedBy } from '../journal/opening.ts'
import type { ReadableJournal } from './journal-port.ts'

export class PrefixJournal implements ReadableJournal {
  private readonly journal: ReadableJournal
  private readonly sequenceMax: number

  /** @param sequenceMax the last event that counts */
  constructor(journal: ReadableJournal, sequenceMax: number) {
    this.journal = journal
    this.sequenceMax = sequenceMax
  }

  /** Its revision is still the last one: a record may lie on both sides of the end. */
  head(entity: EntityRef): ReturnType<Journal['head']> {
    const head = this.journal.head(entity)
    return head && { ...head, sequence: Math.min(head.sequence, this.sequenceMax) }
  }

  opening(entity: EntityRef, asked: OpeningAsked): Opening {
    return openedBy(this, entity, asked)
  }

  snapshot(entity: EntityRef): ReturnType<Journal['snapshot']> {
    return this.journal.snapshot(entity, this.sequenceMax)
  }

  events(...parameters: Parameters<Journal['events']>): ReturnType<Journal['events']> {
    const page = this.journal.events(...parameters)
    if (page.sequence < this.sequenceMax) return page
    const [entity] = parameters
    const beyond = page.sequence - this.sequenceMax
    const revision = this.journal.head(entity)?.revision ?? page.revision
    return {
      events: page.events.slice(0, page.events.length - beyond),
      revision,
      sequence: this.sequenceMax,
    }
  }
}
