// Link process: the throw-away process in which a component is checked and linked. Started by link.ts, for one component.
//
// Owns: talking to the parent.   pipeline.ts owns: the work.

import type { LinkMessage, LinkRequest } from './link.ts'
import { pipeline } from './pipeline.ts'

process.once('message', async (request: LinkRequest) => {
  const { component, limits, engine } = request
  const result = await pipeline(component, limits, engine, (step) => send({ step }))
  // Leaving before the artefact is written would cut it: it is larger than a pipe.
  send({ result }, () => process.disconnect())
})

function send(message: LinkMessage, written: () => void = () => {}): void {
  process.send!(message, undefined, undefined, written)
}
