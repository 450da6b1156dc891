// Versions of the template's service, with a second event, for tests of upgrades.

import { componentWith } from './project.ts'

export const tally = 'tally.v1.Tally'

export interface Variant {
  readonly service?: (text: string) => string
  readonly proto?: (text: string) => string
}

const keep = (text: string) => text

/** The template with a second event, which adding 13 emits, and changes to that. */
export function version({ service = keep, proto = keep }: Variant = {}): Promise<Uint8Array> {
  const changes = {
    'proto/tally.proto': (text: string) => proto(`${text}\nmessage Unlucky {\n  string why = 1;\n}\n`),
    'src/service.ts': (text: string) =>
      service(
        text
          .replace('import { Added, Tally }', 'import { Added, Tally, Unlucky }')
          .replace(
            '? accept(Added({ amount }))',
            "? accept(amount === 13n ? Unlucky({ why: 'it is 13' }) : Added({ amount }))",
          )
          .replace('  evolve: {', '  evolve: {\n    Unlucky: (state) => state,'),
      ),
  }
  return componentWith(changes)
}

/** One that has lost the second event. */
export function withoutUnlucky(): Promise<Uint8Array> {
  return version({
    service: (text) =>
      text
        .replace('import { Added, Tally, Unlucky }', 'import { Added, Tally }')
        .replace(
          "accept(amount === 13n ? Unlucky({ why: 'it is 13' }) : Added({ amount }))",
          'accept(Added({ amount }))',
        )
        .replace('\n    Unlucky: (state) => state,', ''),
  })
}
