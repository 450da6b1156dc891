// Router: service and method name a route, the request's key names the entity, and the command is on its way.
//
// R1. Never throws: whatever is wrong is an answer, given exactly once (B1.1).
// R2. A caller waits no longer than its deadline; a command not given to the guest by then is dropped, one that was still
//     commits (A11).
//
// Owns: the way to the entity, and the deadline.   Entities own: order and bounds.

import type { Answer, Command, Dispatch, Open, Reply, StreamCall } from '../command.ts'
import { unknownMethod } from '../entity/activation.ts'
import type { Entities } from '../entity/entities.ts'
import { InnkeeperError, toInnkeeperError } from '../errors.ts'
import type { Services } from '../services.ts'
import type { Deadlines } from './deadlines.ts'

export function createDispatch(services: Services, entities: Entities, deadlines: Deadlines): Dispatch {
  return (command: Command, reply: Reply) => {
    try {
      const service = services.get(command.service)
      if (service === undefined) throw unknownService(command.service)
      const method = service.methods.get(command.method)
      if (method === undefined) throw unknownMethod(command.service, command.method)
      const pending = deadlines.watch(command.deadlineMs, reply)
      try {
        pending.waiting = entities.put(service, method.keyOf(command.payload), command, pending.answer)
      } catch (error) {
        pending.answer({ kind: 'error', error: toInnkeeperError(error) })
      }
    } catch (error) {
      const answer: Answer = { kind: 'error', error: toInnkeeperError(error) }
      reply(answer)
    }
  }
}

/** A call of a method that streams. */
export function createOpen(services: Services): Open {
  return (command, receiver) => {
    const known = services.get(command.service)?.methods.has(command.method) === true
    const error = known ? unknownMethod(command.service, command.method) : unknownService(command.service)
    receiver.end({ kind: 'error', error })
    return ended
  }
}

const ended: StreamCall = { item: () => true, halfClose() {}, cancel() {}, resume() {} }

function unknownService(name: string): InnkeeperError {
  return new InnkeeperError('unknown_service', `no service ${name} is deployed; \`inn services\` lists what is`)
}
