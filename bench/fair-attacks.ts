// Attacks: what a service takes all it can of while bench/fair.ts looks at its neighbour.

export const attacks = [
  'fuel of a value',
  'fuel of a replica',
  'fuel of an action',
  'turns',
  'the outbox',
  'streams',
  'waiting commands',
  'activations',
  'snapshots',
] as const
export type Attack = (typeof attacks)[number]
