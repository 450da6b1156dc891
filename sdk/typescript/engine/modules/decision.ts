// Decisions in the engine: its own answers, under the names of ../../decision.ts.

import type * as Node from '../../decision.ts'
import { native } from './native.ts'

export { call, checkedEntry, consistencies, guard } from '../../decision.ts'

export const accept: typeof Node.accept = native.accept as typeof Node.accept
export const update: typeof Node.update = native.update as typeof Node.update
export const remove: typeof Node.remove = native.remove as typeof Node.remove
export const refuse: typeof Node.refuse = native.refuse as typeof Node.refuse
export const kept: typeof Node.kept = native.kept as typeof Node.kept
export const removed: typeof Node.removed = native.removed as typeof Node.removed
export const Acceptance: typeof Node.Acceptance = native.Acceptance as typeof Node.Acceptance
export const Refusal: typeof Node.Refusal = native.Refusal as typeof Node.Refusal
