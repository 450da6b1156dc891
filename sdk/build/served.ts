// Served: would a host serve what was built? The checks of a deployment that need no host, told as problems of the project.
//
// S1. The rules are the deployment's (link/describe-check.ts, deploy/validate.ts), with the limits that a host has by default.
// S2. A problem with an element of a .proto has its place there, any other is the entry's.
//
// Leaves to others: the rules; what is deployed and stored.

import { join } from 'node:path'
import { validateDescription } from '../../host/deploy/validate.ts'
import type { Description } from '../../host/guest/about.ts'
import { interfaces } from '../../host/guest/layout.ts'
import { defaultLimits } from '../../host/limits.ts'
import { checkDescription } from '../../host/link/describe-check.ts'
import { loadSchema, SchemaError } from '../../host/schema/load.ts'
import { withStandard } from '../../host/schema/standard.ts'
import type { Exportable } from './kinds.ts'
import type { PlaceOf } from './places.ts'
import type { BuildProblem } from './problem.ts'
import { BuildError } from './problem.ts'
import type { Project } from './project.ts'

/** `kinds`: of the interfaces that the component exports. @throws BuildError */
export function checkServed(
  project: Project,
  description: Description,
  kinds: readonly Exportable[],
  placeOf: PlaceOf,
): void {
  const problems = [...problemsOf(project, description, kinds, placeOf)]
  if (problems.length > 0) throw new BuildError(problems, project.directory)
}

function* problemsOf(
  { proto, entry }: Project,
  description: Description,
  kinds: readonly Exportable[],
  placeOf: PlaceOf,
): Iterable<BuildProblem> {
  const exported = kinds.map((kind) => interfaces[kind])
  for (const message of checkDescription(description, exported)) yield { file: entry, message }
  try {
    const schema = loadSchema(withStandard(description.descriptors))
    for (const { message, element } of validateDescription(description, schema, defaultLimits)) {
      const place = element === undefined ? undefined : placeOf(element)
      yield place === undefined ? { file: entry, message } : { ...place, file: join(proto, place.file), message }
    }
  } catch (error) {
    if (!(error instanceof SchemaError)) throw error
    for (const message of error.problems) yield { file: proto, message }
  }
}
