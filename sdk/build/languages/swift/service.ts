// Services in Swift: for each a protocol for every kind that it can be, which its author's type conforms to, and its calls.
//
// S1. A protocol asks for one function for each method; its extension brings each command to its function. What is missing, or
//     has another request or reply, is an error of the compiler.
//
// Leaves to others: what runs (sdk/swift).

import type { MethodType, ServiceType } from '../../../../host/schema/schema.ts'
import { isStreamed } from '../../../../host/schema/schema.ts'
import type { SwiftNames } from './names.ts'
import { legal, lowerCamel, upperFirst } from './names.ts'

interface Method {
  readonly method: MethodType
  /** Of the function. */
  readonly name: string
  readonly base: string
  readonly request: string
  readonly reply: string
}

export function serviceCode(names: SwiftNames, service: ServiceType): string {
  const name = names.of(service.fullName)
  const used = new Set<string>()
  const methods = [...service.methods.values()].map((method): Method => {
    let base = lowerCamel(method.name)
    while (used.has(base)) base += '_'
    used.add(base)
    return {
      method,
      base,
      name: legal(base),
      request: names.of(method.input.fullName),
      reply: names.of(method.output.fullName),
    }
  })
  const blocks = [
    callsCode(service, name, methods),
    nameCode(service, name),
    ...deferredCode(names, service, name, methods),
  ]
  if (methods.every(({ method }) => !isStreamed(method))) {
    blocks.push(eventSourcedCode(service, name, methods), valueCode(service, name, methods))
  }
  if (methods.every(({ method }) => !method.clientStreaming)) blocks.push(replicatedCode(service, name, methods))
  blocks.push(actionCode(service, name, methods))
  return blocks.join('\n\n')
}

function callsCode(service: ServiceType, name: string, methods: readonly Method[]): string {
  return [
    `/// Commands to ${service.fullName}: for forwards, effects and tests.`,
    `enum ${name}Calls {`,
    ...methods.map(
      (one) =>
        `  static func ${one.name}(_ request: ${one.request}) -> Innkeeper.Call { Innkeeper.Call("${service.fullName}", "${one.method.name}", request) }`,
    ),
    '}',
  ].join('\n')
}

/** For a view, and for those of the service's changes. */
function nameCode({ fullName }: ServiceType, name: string): string {
  const own = legal(`${name.charAt(0).toLowerCase()}${name.slice(1)}`)
  return [
    'extension Innkeeper.ServiceName {',
    `  static var ${own}: Innkeeper.ServiceName { Innkeeper.ServiceName("${fullName}") }`,
    '}',
  ].join('\n')
}

/** Answers to tickets, and methods that hear answers: of unary methods. */
function deferredCode(
  names: SwiftNames,
  service: ServiceType,
  name: string,
  methods: readonly Method[],
): readonly string[] {
  const own = ({ method }: Method): string => `"${service.fullName}", "${method.name}"`
  const unary = methods.filter(({ method }) => !isStreamed(method))
  const hearing = unary.filter(({ method }) => method.answers !== undefined)
  const hearer = (one: Method): string => {
    const type = one.method.input.fields.find(({ number }) => number === 3)?.type
    const answers = `answers: ${JSON.stringify(one.method.answers)}`
    if (type?.kind !== 'message')
      return `  static func ${one.name}() -> Innkeeper.Hearer { Innkeeper.Hearer(${own(one)}, ${answers}) }`
    const note = names.of(type.message.fullName)
    return `  static func ${one.name}(_ note: ${note}? = nil) -> Innkeeper.Hearer { Innkeeper.Hearer(${own(one)}, ${answers}, note: note) }`
  }
  return [
    [
      `/// What those are answered who wait for a ticket of ${service.fullName}.`,
      `enum ${name}Answers {`,
      ...unary.flatMap((one) => [
        `  static func ${one.name}(_ reply: ${one.reply}) -> Innkeeper.Resolution { Innkeeper.Resolution(${own(one)}, reply) }`,
        `  static func ${one.name}(_ refusal: Innkeeper.Refusal) -> Innkeeper.Resolution { Innkeeper.Resolution(${own(one)}, refusal: refusal) }`,
      ]),
      '}',
    ],
    [
      `/// Methods of ${service.fullName} that hear what a call was answered.`,
      `enum ${name}Hears {`,
      ...hearing.map(hearer),
      '}',
    ],
  ].flatMap((lines) => (lines.length > 3 ? [lines.join('\n')] : []))
}

function protocolCode(about: string, name: string, base: string, requirements: readonly string[]): string {
  const inherits = base === '' ? '' : `: Innkeeper.${base}`
  return [`/// ${about}`, `protocol ${name}${inherits} {`, ...requirements.map((line) => `  ${line}`), '}'].join('\n')
}

/** The compiler finds the type of a state out of an author's functions only in the protocol that asks for them: so that one stands
 *  alone, and what runs it is a struct around its conformer. */
function runnerCode(
  service: ServiceType,
  name: string,
  base: string,
  make: string,
  type: string,
  lines: readonly string[],
): string {
  return [
    `struct ${name}_Runner<Definition: ${name}>: Innkeeper.${base} {`,
    '  let definition: Definition',
    `  typealias ${type} = Definition.${type}`,
    `  static var serviceName: Swift.StaticString { "${service.fullName}" }`,
    ...lines.map((line) => `  ${line}`),
    '}',
    '',
    'extension Innkeeper.Service {',
    `  static func ${make}<Definition: ${name}>(_ definition: Definition, _ options: Innkeeper.Options = Innkeeper.Options()) -> Innkeeper.Service {`,
    `    Innkeeper.Service.running(${name}_Runner(definition: definition), options)`,
    '  }',
    '}',
  ].join('\n')
}

function extensionCode(service: ServiceType, name: string, lines: readonly string[]): string {
  return [
    `extension ${name} {`,
    `  static var serviceName: Swift.StaticString { "${service.fullName}" }`,
    ...lines.map((line) => `  ${line}`),
    '}',
  ].join('\n')
}

/** A function that brings a command to the handler of its method. */
function dispatch(head: string, otherwise: string, cases: readonly (readonly [Method, string])[]): string[] {
  return [
    `${head} {`,
    ...cases.map(([{ method }, run]) => `  if command.calls("${method.name}") { return ${run} }`),
    `  return ${otherwise}`,
    '}',
  ]
}

function eventSourcedCode(service: ServiceType, name: string, methods: readonly Method[]): string {
  const own = `${name}EventSourced`
  const requirements = methods.map(
    (one) =>
      `func ${one.name}(_ request: ${one.request}, state: EntityState, context: Innkeeper.Context) -> Innkeeper.Decision<EntityState, ${one.reply}>`,
  )
  const decide = dispatch(
    'func decide(_ command: Innkeeper.Incoming, state: EntityState, context: Innkeeper.Context) -> Innkeeper.Decided<EntityState>?',
    'nil',
    methods.map((one) => [
      one,
      `command.decide { (request: ${one.request}) -> Innkeeper.Decision<EntityState, ${one.reply}> in self.${one.name}(request, state: state, context: context) }`,
    ]),
  )
  return `${protocolCode(`${service.fullName}, event-sourced.`, own, 'EventSourced', requirements)}\n\n${extensionCode(service, own, decide)}`
}

function valueCode(service: ServiceType, name: string, methods: readonly Method[]): string {
  const own = `${name}Value`
  const requirements = [
    'associatedtype EntityState: Innkeeper.Message',
    ...methods.map(
      (one) =>
        `func ${one.name}(_ request: ${one.request}, value: EntityState?, context: Innkeeper.Context) -> Innkeeper.ValueDecision<EntityState, ${one.reply}>`,
    ),
  ]
  const decide = dispatch(
    'func decide(_ command: Innkeeper.Incoming, value: EntityState?, context: Innkeeper.Context) -> Innkeeper.DecidedValue<EntityState>?',
    'nil',
    methods.map((one) => [
      one,
      `command.decideValue { (request: ${one.request}) -> Innkeeper.ValueDecision<EntityState, ${one.reply}> in definition.${one.name}(request, value: value, context: context) }`,
    ]),
  )
  return `${protocolCode(`${service.fullName}, a value.`, own, '', requirements)}\n\n${runnerCode(service, own, 'ValueEntity', 'value', 'EntityState', decide)}`
}

function replicatedCode(service: ServiceType, name: string, methods: readonly Method[]): string {
  const own = `${name}Replicated`
  const streams = methods.filter(({ method }) => method.serverStreaming)
  const requirements = [
    'associatedtype EntityView: Innkeeper.ReplicatedView',
    '/// What an entity that is a register holds before it is written: bytes of an element.',
    'var initial: [Swift.UInt8] { get }',
    ...methods.flatMap((one) => [
      `func ${one.name}(_ request: ${one.request}, view: EntityView, context: Innkeeper.ReplicatedContext) -> Innkeeper.${one.method.serverStreaming ? 'StreamAnswer' : 'Answer'}<${one.reply}>`,
      '/// Elements or keys to look for, if the method has a dynamic view.',
      `func ${one.base}Reads(_ request: ${one.request}) -> [[Swift.UInt8]]`,
      ...(one.method.serverStreaming
        ? [
            '/// What a subscriber is told after a change.',
            `func ${one.base}Changed(_ request: ${one.request}, view: EntityView, context: Innkeeper.Context) -> Innkeeper.Telling<${one.reply}>`,
            '/// The client left. What is done to the view counts.',
            `func ${one.base}Cancelled(_ request: ${one.request}, view: EntityView, context: Innkeeper.ReplicatedContext)`,
          ]
        : []),
    ]),
  ]
  const defaults = [
    'var initial: [Swift.UInt8] { [] }',
    ...methods.flatMap((one) => [
      `func ${one.base}Reads(_ request: ${one.request}) -> [[Swift.UInt8]] { [] }`,
      ...(one.method.serverStreaming
        ? [
            `func ${one.base}Cancelled(_ request: ${one.request}, view: EntityView, context: Innkeeper.ReplicatedContext) {}`,
          ]
        : []),
    ]),
  ]
  const extension = [`extension ${own} {`, ...defaults.map((line) => `  ${line}`), '}'].join('\n')
  const runner = runnerCode(service, own, 'Replicated', 'replicated', 'EntityView', replicatedRunner(methods, streams))
  return `${protocolCode(`${service.fullName}, replicated.`, own, '', requirements)}\n\n${extension}\n\n${runner}`
}

/** What the host calls, and the author's function behind it. */
function replicatedRunner(methods: readonly Method[], streams: readonly Method[]): readonly string[] {
  return [
    'var initial: [Swift.UInt8] { definition.initial }',
    ...dispatch(
      'func decide(_ command: Innkeeper.Incoming, view: EntityView, context: Innkeeper.ReplicatedContext) -> Innkeeper.AnsweredStream?',
      'nil',
      methods.map((one) => {
        const [run, answer] = one.method.serverStreaming
          ? ['decideStream(context)', 'StreamAnswer']
          : ['decideReplicated', 'Answer']
        return [
          one,
          `command.${run} { (request: ${one.request}) -> Innkeeper.${answer}<${one.reply}> in definition.${one.name}(request, view: view, context: context) }`,
        ]
      }),
    ),
    ...dispatch(
      'func reads(_ command: Innkeeper.Incoming) -> [[Swift.UInt8]]?',
      'nil',
      methods.map((one) => [
        one,
        `command.reads { (request: ${one.request}) -> [[Swift.UInt8]] in definition.${one.base}Reads(request) }`,
      ]),
    ),
    ...dispatch(
      'func changed(_ command: Innkeeper.Incoming, view: EntityView, context: Innkeeper.Context) -> Innkeeper.Told?',
      'nil',
      streams.map((one) => [
        one,
        `command.changed { (request: ${one.request}) -> Innkeeper.Telling<${one.reply}> in definition.${one.base}Changed(request, view: view, context: context) }`,
      ]),
    ),
    ...dispatch(
      'func cancelled(_ command: Innkeeper.Incoming, view: EntityView, context: Innkeeper.ReplicatedContext) -> Swift.Bool',
      'false',
      streams.map((one) => [
        one,
        `command.cancelled { (request: ${one.request}) -> Swift.Void in definition.${one.base}Cancelled(request, view: view, context: context) }`,
      ]),
    ),
  ]
}

function shapeOf(method: MethodType): { readonly name: string; readonly label: string; readonly out: string } {
  if (!method.clientStreaming) return { name: 'ServerStream', label: 'server', out: 'Element' }
  if (!method.serverStreaming) return { name: 'ClientStream', label: 'client', out: 'Reply' }
  return { name: 'BidiStream', label: 'bidi', out: 'Element' }
}

function actionCode(service: ServiceType, name: string, methods: readonly Method[]): string {
  const own = `${name}Action`
  const streams = methods.filter(({ method }) => isStreamed(method))
  const requirements = methods.flatMap((one) => {
    if (!isStreamed(one.method)) {
      return [
        `func ${one.name}(_ request: ${one.request}, context: Innkeeper.CallContext) -> Innkeeper.Answer<${one.reply}>`,
      ]
    }
    const { name: shape, out } = shapeOf(one.method)
    const type = `${upperFirst(one.base)}Stream`
    return [
      `associatedtype ${type}: Innkeeper.${shape} where ${type}.Request == ${one.request}, ${type}.${out} == ${one.reply}`,
      `func ${one.name}() -> ${type}`,
    ]
  })
  const lines = [
    ...dispatch(
      'func call(_ command: Innkeeper.Incoming, context: Innkeeper.CallContext) -> Innkeeper.Answered?',
      'nil',
      methods
        .filter(({ method }) => !isStreamed(method))
        .map((one) => [
          one,
          `command.answer { (request: ${one.request}) -> Innkeeper.Answer<${one.reply}> in self.${one.name}(request, context: context) }`,
        ]),
    ),
    'func stream(_ command: Innkeeper.Incoming, _ step: inout Innkeeper.StreamStep) -> Swift.Bool {',
    ...streams.flatMap((one) => [
      `  if command.calls("${one.method.name}") {`,
      `    step.run(${shapeOf(one.method).label}: self.${one.name}())`,
      '    return true',
      '  }',
    ]),
    '  return false',
    '}',
  ]
  return `${protocolCode(`${service.fullName}, an action.`, own, 'Action', requirements)}\n\n${extensionCode(service, own, lines)}`
}
