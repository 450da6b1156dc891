// Kinds: of which kinds services are, by whether they have entities.

/** It has entities, and keeps their state. */
export function keepsState(kind: string): boolean {
  return kind !== 'action' && kind !== 'view'
}
