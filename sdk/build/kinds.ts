// Kinds: the state models that a service can have; and what a component can have besides: views.

export const kinds = ['event-sourced', 'value', 'replicated', 'action'] as const
export type Kind = (typeof kinds)[number]

/** By the number that a build knows each by; the kinds first, as wit/about.wit has them. */
export const exportables = [...kinds, 'view'] as const
export type Exportable = (typeof exportables)[number]
