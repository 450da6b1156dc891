// Describe a script: what a TypeScript module says of itself when its bundle is run, and which kinds of services it defines.
//
// N1. The bundle is plain JavaScript. It runs in a context of its own, with the language and no more, and for five seconds at
//     most; its prelude takes globals away there, not here. It is the author's own code: this is no sandbox, and need be none.
// N2. What the module throws is the author's mistake, told as a sentence.

import { createContext, runInContext } from 'node:vm'
import type { Description, ServiceDescription, ViewScope } from '../../../../host/guest/about.ts'
import type { Kind } from '../../kinds.ts'
import { kinds } from '../../kinds.ts'
import type { BuildProblem } from '../../problem.ts'

const timeoutMs = 5_000

/** As the SDK says it (sdk/typescript/guest/wire.ts). */
interface Scripted {
  readonly about: { readonly describe: () => Omit<Description, 'services'> & { readonly services: readonly Service[] } }
}

type Service = Omit<ServiceDescription, 'views'> & {
  readonly views: readonly { readonly method: string; readonly view: View }[]
}

type View = { readonly tag: 'all' | 'nothing' | 'dynamic' } | { readonly tag: 'element'; readonly val: string }

interface DescribedScript {
  readonly description: Description
  /** Each kind once. */
  readonly kinds: readonly Kind[]
}

/** @param script the bundle as a script that sets `service`. @returns what it says of itself, or what is wrong. */
export function describeScript(script: string, entry: string): DescribedScript | BuildProblem {
  // QuickJS has `btoa`, but it is no part of the language.
  const context = createContext({ btoa: (binary: string) => btoa(binary) })
  try {
    runInContext(script, context, { timeout: timeoutMs, filename: entry })
    const { service } = context as { service?: Scripted }
    const description = descriptionOf(service!.about.describe())
    const found = new Set<string>(description.services.map(({ kind }) => kind))
    return { description, kinds: kinds.filter((kind) => found.has(kind)) }
  } catch (error) {
    return { file: entry, message: `the service module throws when it is loaded: ${firstLine(error)}` }
  }
}

/** As it is lifted from a component (guest/describe.ts). */
function descriptionOf({
  sdkName,
  sdkVersion,
  services,
  descriptors,
}: ReturnType<Scripted['about']['describe']>): Description {
  return {
    sdkName,
    sdkVersion,
    // Of the other context.
    descriptors: Uint8Array.from(descriptors),
    services: services.map((service) => ({
      ...service,
      views: service.views.map(({ method, view }) => ({ method, view: scopeOf(view) })),
    })),
  }
}

function scopeOf(view: View): ViewScope {
  return view.tag === 'element' ? { kind: view.tag, field: view.val } : { kind: view.tag }
}

/** Errors of another context are no instances of our Error. */
function firstLine(error: unknown): string {
  const { name, message } = (error ?? {}) as { name?: unknown; message?: unknown }
  if (typeof message !== 'string') return String(error)
  return `${typeof name === 'string' ? name : 'Error'}: ${message.split('\n')[0]}`
}
