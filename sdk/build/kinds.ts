// Kinds: the state models that a service can have.

export const kinds = ['event-sourced', 'value', 'replicated', 'action'] as const
export type Kind = (typeof kinds)[number]
