// Guards what services say of themselves in the host's log: nothing that nobody reads, and mistakes of authors once.

import pino from 'pino'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { logLines } from '../host/observe/guest-log.ts'
import type { LogLine } from '../host/outcome.ts'

const GuestLog = suite('guest log')

function made(level: string) {
  const lines: Record<string, unknown>[] = []
  const log = pino({ level, base: null, timestamp: false }, { write: (line: string) => lines.push(JSON.parse(line)) })
  let asked = 0
  const says = (method: string, ...logs: readonly LogLine[]) =>
    logLines(log, logs, () => {
      asked += 1
      return { service: 's', entity: 'e', method }
    })
  return { lines, says, asked: () => asked }
}

GuestLog('guest-log.G1: a host that does not log at debug level makes no line, and asks for no name', () => {
  const { lines, says, asked } = made('info')
  says('M', { level: 'error', text: 'help' }, { level: 'warn', text: 'L2 is a law' })
  assert.equal([lines, asked()], [[], 0])
})

GuestLog('guest-log.G1: at debug level each line is there, in plain characters, with who said it', () => {
  const { lines, says, asked } = made('debug')
  says('M', { level: 'error', text: 'one\u001b[2J' }, { level: 'info', text: 'two' })
  assert.equal(
    lines.map(({ level, severity, service, entity, method, msg }) => [level, severity, service, entity, method, msg]),
    [
      [20, 'error', 's', 'e', 'M', 'one\\x1b[2J'],
      [20, 'info', 's', 'e', 'M', 'two'],
    ],
  )
  assert.is(asked(), 1)
  says('M')
  assert.is(asked(), 1)
})

GuestLog('guest-log.G2: a broken law is a warning, once for each method, whatever is logged', () => {
  const { lines, says } = made('info')
  const broken: LogLine = { level: 'warn', text: 'L2: the state was changed in place' }
  for (const method of ['M', 'M', 'N', 'M']) says(method, broken)
  says('O', { ...broken, level: 'info' })
  assert.equal(
    lines.map(({ level, method, msg }) => [level, method, msg]),
    [
      [40, 'M', broken.text],
      [40, 'N', broken.text],
    ],
  )
})

GuestLog.run()
