// Named: the service and the method that words of a command line mean.
//
// W1. A service may be called by the end of its name, where only one that is deployed ends so (short-name.ts).
// W2. A method may be said as SDKs say it, `add` for `Add`.
// W3. What nothing has as its name is an error that names what is near (nearest.ts).
//
// Leaves to others: what can be done with a service that is deployed and cannot be run (the host says it).

import { didYouMean } from '../nearest.ts'
import type { MethodType, Schema } from '../schema/schema.ts'
import { meant } from '../short-name.ts'
import type { AdminClient } from './client.ts'
import { CommandFailure } from './command.ts'

/** A service or a method is not there, or is not said clearly. */
export class NotNamed extends CommandFailure {}

/** The whole name of a deployed service. @throws NotNamed */
export async function serviceNamed(client: AdminClient, given: string): Promise<string> {
  const names = await deployedNames(client)
  const name = oneNamed(names, given)
  if (name !== undefined) return name
  throw new NotNamed(
    `no service ${given} is deployed${didYouMean(given, names, '; `inn services` lists the deployed ones')}`,
  )
}

/** The same, where a service that is not deployed any more may be meant, too: then `name` is what was given, and `hint` what may have been meant. */
export async function everNamed(
  client: AdminClient,
  given: string,
): Promise<{ readonly name: string; readonly deployed: boolean; readonly hint: string }> {
  const names = await deployedNames(client)
  const name = oneNamed(names, given)
  return { name: name ?? given, deployed: name !== undefined, hint: didYouMean(given, names) }
}

async function deployedNames(client: AdminClient): Promise<readonly string[]> {
  const { services, unrestored } = await client.get('/v1/services')
  const served: string[] = services.map(({ name }: { name: string }) => name)
  return [...served, ...unrestored.flatMap((left: { services: string[] }) => left.services)]
}

/** Undefined where none is meant. @throws NotNamed where several are */
function oneNamed(names: readonly string[], given: string): string | undefined {
  const { name, ambiguous } = meant(names, given)
  if (ambiguous !== undefined) throw new NotNamed(ambiguous)
  return name
}

/** As `methodNamed`; of one that no client may call it is told why. @throws NotNamed */
export async function callableMethod(
  client: AdminClient,
  schema: Schema,
  service: string,
  given: string,
): Promise<MethodType> {
  try {
    return methodNamed(schema, service, given)
  } catch (error) {
    if (!(error instanceof NotNamed)) throw error
    const shown = await client.get(`/v1/services/${encodeURIComponent(service)}`).catch(() => undefined)
    const internal = shown?.methods?.find(
      ({ name, internal: is }: { name: string; internal?: boolean }) =>
        is === true && name.toLowerCase() === given.toLowerCase(),
    )
    if (internal === undefined) throw error
    throw new NotNamed(
      `${service}/${internal.name} is internal: forwards, effects, timers and schedules call it, and no client`,
    )
  }
}

/** @throws NotNamed */
export function methodNamed(schema: Schema, service: string, given: string): MethodType {
  const methods = schema.services.get(service)?.methods ?? new Map<string, MethodType>()
  const alike = [...methods.values()].filter(({ name }) => name.toLowerCase() === given.toLowerCase())
  const method = methods.get(given) ?? (alike.length === 1 ? alike[0] : undefined)
  if (method !== undefined) return method
  const hint = didYouMean(given, methods.keys(), `; \`inn services ${service}\` lists them`)
  throw new NotNamed(`${service} has no method ${given}${hint}`)
}
