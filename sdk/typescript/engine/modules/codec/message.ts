// Message types in the engine: a table of the bundle makes them (sdk/build/languages/typescript/table.ts).

import { native } from '../native.ts'

export const messageTypeOf = native.messageTypeOf
