// Guards how a thread reads the host's journal: as if it were its own, and with no more of the host's loop than a page at a time.

import { Worker } from 'node:worker_threads'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { InnkeeperError } from '../../host/errors.ts'
import { journalChannel, type ReadableJournal } from '../../host/fold/journal-port.ts'
import type { EntityRef } from '../../host/journal/journal.ts'
import { countedInTurns } from '../support/turns.ts'

const Port = suite('journal port')

/** What a thread that runs this says in the end. It has a `journal`. */
function said(journal: ReadableJournal, code: string): Promise<unknown> {
  const { host, thread } = journalChannel(journal)
  const port = new URL('../../host/fold/journal-port.ts', import.meta.url).href
  const source = `
    import { parentPort, workerData } from 'node:worker_threads'
    import { JournalUnread, PortedJournal } from ${JSON.stringify(port)}
    const journal = new PortedJournal(workerData)
    ${code}`
  const worker = new Worker(source, {
    ...{ eval: true, workerData: thread, transferList: [thread.port] },
    execArgv: ['--no-warnings', '--input-type=module'],
  })
  return new Promise((resolve, reject) => {
    worker.on('message', resolve)
    worker.on('error', reject)
  }).finally(() => {
    host.close()
    void worker.terminate()
  })
}

const questions = 5_000
const journal = {
  head: ({ key }: EntityRef) => ({ revision: Number(key), sequence: 1, nowMs: 0 }),
} as unknown as ReadableJournal

Port('journal-port.P1: each question waits for its own answer', async () => {
  const wrong = await said(
    journal,
    `const wrong = []
     for (let at = 0; at < 100; at++) if (journal.head({ storage: 1, key: String(at) }).revision !== at) wrong.push(at)
     parentPort.postMessage(wrong)`,
  )
  assert.equal(wrong, [])
})

Port('journal-port.P2: the host answers one question a turn, however quickly the next one comes', async () => {
  const counted = countedInTurns(journal, 'head', () => 1)
  await said(
    journal,
    `for (let at = 0; at < ${questions}; at++) journal.head({ storage: 1, key: 'a' })
     parentPort.postMessage('done')`,
  )
  assert.equal([counted.all, counted.most], [questions, 1])
})

Port('journal-port.P3: what the journal throws arrives in the words of an operator', async () => {
  const damaged: ReadableJournal = {
    ...journal,
    head: () => {
      throw new InnkeeperError('data_damaged', 'the data is damaged', new Error('record 7 in journal: cut'))
    },
  }
  const told = await said(
    damaged,
    `try {
       journal.head({ storage: 1, key: 'a' })
     } catch (error) {
       parentPort.postMessage([error instanceof JournalUnread, error.message])
     }`,
  )
  assert.equal(told, [true, 'the data is damaged (record 7 in journal: cut)'])
})

Port.run()
