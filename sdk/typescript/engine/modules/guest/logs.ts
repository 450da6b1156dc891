// Logs in the engine.

import { native } from '../native.ts'

export const { log, hasLogs, takeLogs } = native
