// inn doctor: is everything that is stored still readable? Offline through a whole directory, or what a running host has found.

import { existsSync } from 'node:fs'
import type { Told } from '../doctor/doctor.ts'
import { examine } from '../doctor/doctor.ts'
import { adminClient } from './client.ts'
import type { Args, Subcommand } from './command.ts'
import { asFailure, CommandFailure } from './command.ts'
import { bytes, counted, print, printJson, progress } from './print.ts'

export const doctorCommand: Subcommand = {
  flags: { data: { type: 'string', help: 'data directory to check; no host may be using it' } },
  words: [0, 0],
  run,
}

/** Progress is printed each time this many bytes were read. */
const toldEveryBytes = 1_000_000_000

async function run(args: Args): Promise<number> {
  const directory = args.text('data')
  if (directory === undefined) return running(args)
  if (!existsSync(directory)) throw new CommandFailure(`${directory}: no such directory`)
  let told = 0
  const diagnosis = await examine(directory, (count) => {
    if (count - told < toldEveryBytes) return
    told = count
    progress(`${bytes(count)} read`)
  }).catch((error: unknown) => {
    throw asFailure(error)
  })
  if (args.is('json')) printJson({ directory, ...diagnosis })
  else {
    show(diagnosis.findings)
    const { findings, values } = diagnosis
    const result = findings.length === 0 ? 'nothing is damaged' : `${findings.length} findings`
    print(`${directory}: ${values} values read, ${bytes(diagnosis.bytes)}; ${result}.`)
    if (findings.length > 0)
      print('host/journal/FORMAT.md describes possible repairs; restore lost data from a backup.')
  }
  return diagnosis.findings.length === 0 ? 0 : 1
}

async function running(args: Args): Promise<number> {
  const report = await adminClient(args).get('/v1/doctor')
  const { scrubbing, rounds, values, findings, met } = report
  if (args.is('json')) printJson(report)
  else {
    show(findings)
    show(met)
    if (met.length > 0) print(`${counted(met.length, 'damaged part')} met since the host started.`)
    if (scrubbing)
      print(
        `${counted(rounds, 'round')} through the store, ${counted(values, 'value')} read, ${bytes(report.bytes)}; ${counted(findings.length, 'finding')}.`,
      )
    else
      print(
        'This host does not scrub its store. Start it with `inn up --scrub`, or check a stopped host with `inn doctor --data DIR`.',
      )
  }
  return findings.length + met.length === 0 ? 0 : 1
}

function show(findings: readonly Told[]): void {
  for (const { service, entity, column, what, reason } of findings) {
    const whose = entity === null ? (column ?? 'store') : `${service} ${JSON.stringify(entity)}`
    print(`${whose}: ${what}: ${reason}`)
  }
}
