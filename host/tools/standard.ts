// Writes wit/standard.binpb, the descriptors of the files that every host has (host/schema/standard.ts), from wit/proto and
// buf's copy of google/protobuf. Run it when a file is added there; a test compares.

import { writeFileSync } from 'node:fs'
import { compileStandard } from '../../sdk/build/standard.ts'

writeFileSync(new URL('../../wit/standard.binpb', import.meta.url), await compileStandard())
