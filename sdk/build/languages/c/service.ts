// Services in C: a macro for each kind that a service can be, which declares what the author defines and gathers it in a table.
//
// C2. What an author defines has a fixed name and type. One that is missing is an error of the linker with that name, one of
//     another type an error of the compiler.

import type { MessageType, MethodType, Schema, ServiceType } from '../../../../host/schema/schema.ts'
import { isStreamed } from '../../../../host/schema/schema.ts'
import { declared, importedMessages } from '../../codegen/generate.ts'
import { declaringFiles } from '../../codegen/names.ts'
import type { CNames } from './names.ts'
import { constantOf, snake } from './names.ts'

function methodsOf(c: CNames, service: ServiceType) {
  const prefix = c.of(service.fullName)
  return [...service.methods.values()].map((method) => ({
    method,
    handler: c.free(`${prefix}_${snake(method.name)}`),
    request: c.of(method.input.fullName),
    reply: c.of(method.output.fullName),
  }))
}

export function callsCode(c: CNames, service: ServiceType): readonly string[] {
  return methodsOf(c, service).flatMap(({ method, handler, request }) => [
    `static inline ik_call ${handler}_call(const ${request} *request) {`,
    `  return ik_call_of("${service.fullName}", "${method.name}", &${request}_type, request);`,
    '}',
  ])
}

/** What only unary methods of entities say: `_ask` of one that hears answers, `_resolve` and `_resolve_refused` of a ticket. */
export function deferredCode(c: CNames, service: ServiceType): readonly string[] {
  const own = (method: MethodType): string => `"${service.fullName}", "${method.name}"`
  return methodsOf(c, service)
    .filter(({ method }) => !isStreamed(method))
    .flatMap(({ method, handler, reply }) => [
      ...askCode(c, handler, method, own(method)),
      `static inline void ${c.free(`${handler}_resolve`)}(ik_context *context, ik_text ticket, const ${reply} *reply) {`,
      `  ik_resolve(context, ${own(method)}, ticket, ik_encode(&${reply}_type, reply));`,
      '}',
      `static inline void ${c.free(`${handler}_resolve_refused`)}(ik_context *context, ik_text ticket, ik_failure failure) {`,
      `  ik_resolve_refused(context, ${own(method)}, ticket, failure);`,
      '}',
    ])
}

/** `call`: to the method whose answers it hears. A note comes back as it is given; null where there is none. */
function askCode(c: CNames, handler: string, { answers, input }: MethodType, own: string): readonly string[] {
  if (answers === undefined) return []
  const type = input.fields.find(({ number }) => number === 3)?.type
  const note = type?.kind === 'message' ? c.of(type.message.fullName) : undefined
  const given = note === undefined ? '' : `, const ${note} *note`
  const bytes = note === undefined ? 'none' : `note == NULL ? none : ik_encode(&${note}_type, note)`
  return [
    `static inline void ${c.free(`${handler}_ask`)}(ik_context *context, ik_call call${given}, ik_terms terms) {`,
    '  ik_bytes none = {NULL, 0};',
    `  ik_hearer hearer = {${own}, ${JSON.stringify(answers)}};`,
    `  ik_ask(context, hearer, call, ${bytes}, terms);`,
    '}',
  ]
}

/** Why an ask failed, of the message that says so. */
export function reasonCode(c: CNames, message: MessageType): readonly string[] {
  if (message.fullName !== 'google.rpc.Status') return []
  const name = c.of(message.fullName)
  return [
    `static inline ik_reason ${c.free(`${name}_reason`)}(const ${name} *failure) {`,
    `  return ik_reason_of(ik_encode(&${name}_type, failure));`,
    '}',
  ]
}

/** Event-sourced and value services have no methods that stream. */
export function hasEvents(service: ServiceType): boolean {
  return ![...service.methods.values()].some(isStreamed)
}

/** A request is no event: leaving them out saves their readers where nothing else needs them. */
function eventsOf(schema: Schema, c: CNames, service: ServiceType) {
  const fileOf = declaringFiles(schema)
  const { messages } = declared(schema, fileOf(service.fullName))
  const requests = new Set([...service.methods.values()].map(({ input }) => input))
  const prefix = c.of(service.fullName)
  const taken = new Set<string>()
  return [...messages, ...importedMessages(schema, fileOf, service)]
    .filter((message) => !requests.has(message))
    .map(({ fullName }) => {
      const file = fileOf(fullName)
      const local = snake(file.package === '' ? fullName : fullName.slice(file.package.length + 1))
      let name = local
      while (taken.has(name)) name += '_'
      taken.add(name)
      return {
        fullName,
        type: c.of(fullName),
        fold: c.free(`${prefix}_on_${name}`),
        emit: c.free(`${prefix}_emit_${name}`),
      }
    })
}

export function eventsDeclared(schema: Schema, c: CNames, service: ServiceType): readonly string[] {
  return [
    `extern const ik_event ${c.of(service.fullName)}_events[${Math.max(1, eventsOf(schema, c, service).length)}];`,
  ]
}

/** By name, as they are described. Weak: what a service does not fold is null. */
export function eventsCode(schema: Schema, c: CNames, service: ServiceType): readonly string[] {
  const events = eventsOf(schema, c, service).sort((a, b) => (a.fullName < b.fullName ? -1 : 1))
  return [
    ...events.map(({ fold }) => `extern ik_fold ${fold} __attribute__((weak));`),
    `const ik_event ${c.of(service.fullName)}_events[${Math.max(1, events.length)}] = {`,
    ...events.map(({ type, fold }) => `  {&${type}_type, ${fold}},`),
    ...(events.length === 0 ? ['  {NULL, NULL},'] : []),
    '};',
  ]
}

type Method = ReturnType<typeof methodsOf>[number]

export function serviceMacros(schema: Schema, c: CNames, service: ServiceType): readonly (readonly string[])[] {
  const methods = methodsOf(c, service)
  const macros: (readonly string[])[] = []
  if (hasEvents(service)) macros.push(eventSourcedMacro(schema, c, service, methods), valueMacro(c, service, methods))
  if (methods.every(({ method }) => !method.clientStreaming)) macros.push(replicatedMacro(c, service, methods))
  macros.push(actionMacro(c, service, methods))
  const row = rowOf(schema, service)
  if (row !== undefined) macros.push(...viewMacros(c, service, c.of(row.fullName)))
  return macros
}

/** The message of the rows of a view. */
export function rowOf({ messages }: Schema, { fullName, view }: ServiceType): MessageType | undefined {
  if (view === undefined) return undefined
  const aPackage = fullName.slice(0, fullName.lastIndexOf('.') + 1)
  return messages.get(view.row) ?? messages.get(`${aPackage}${view.row}`)
}

/** What a service is called in the contract, and the rows of a view with their type. */
export function nameCode(schema: Schema, c: CNames, service: ServiceType): readonly string[] {
  const prefix = c.of(service.fullName)
  const row = rowOf(schema, service)
  const name = `static const char ${c.free(`${prefix}_name`)}[] = "${service.fullName}";`
  if (row === undefined) return [name]
  const type = c.of(row.fullName)
  return [
    name,
    `static inline const ${type} *${c.free(`${prefix}_row`)}(ik_rows *rows, ik_text key) { return (const ${type} *)ik_row_get(rows, key); }`,
    `static inline void ${c.free(`${prefix}_put`)}(ik_rows *rows, ik_text key, const ${type} *row) { ik_row_put(rows, key, row); }`,
  ]
}

function viewMacros(c: CNames, service: ServiceType, row: string): readonly (readonly string[])[] {
  const name = c.of(service.fullName)
  const constant = constantOf(name)
  const typed = (type: string, parameters: string, given = 'FUNCTION'): string =>
    `(${type} *)IK_TYPED_FUNCTION(${given}, ${parameters})`
  const keys = 'void (*)(const MESSAGE *, const ik_change *, ik_rows *)'
  return [
    [
      `// The one row of an entity: ik_row_answer FUNCTION(const MESSAGE *message, ${row} *row, const ik_change *change).`,
      `#define ${constant}_ROW(MESSAGE, FUNCTION) \\`,
      `  {.type = &MESSAGE##_type, .one = ${typed('ik_one_row', `ik_row_answer (*)(const MESSAGE *, ${row} *, const ik_change *)`)}}`,
    ],
    [
      '// Any other rows: KEYS names them by ik_row_key, FUNCTION changes them; each is',
      '//   void FUNCTION(const MESSAGE *message, const ik_change *change, ik_rows *rows).',
      `#define ${constant}_ROWS(MESSAGE, KEYS, FUNCTION) \\`,
      `  {.type = &MESSAGE##_type, .keys = ${typed('ik_row_function', keys, 'KEYS')}, .project = ${typed('ik_row_function', keys)}}`,
    ],
    [
      `// The one row of a replicated entity, whose value is of this KIND: ik_row_answer FUNCTION(ik_view value, ${row} *row, const ik_change *change).`,
      `#define ${constant}_REPLICA(KIND, FUNCTION) \\`,
      `  {.type = &ik_replica_type, .crdt = KIND, .one_of = ${typed('ik_one_of_replica', `ik_row_answer (*)(ik_view, ${row} *, const ik_change *)`)}}`,
    ],
    [
      '// Any other rows of a replicated entity, as above; each is void FUNCTION(ik_view value, const ik_change *change, ik_rows *rows).',
      `#define ${constant}_REPLICA_ROWS(KIND, KEYS, FUNCTION) \\`,
      '  {.type = &ik_replica_type, .crdt = KIND, .keys_of = KEYS, .project_of = FUNCTION}',
    ],
    macro(
      [
        `${service.fullName}, as a view; of the sources that it is given: IK_EVENTS(name, ${constant}_ROW(...), ...), IK_VALUES(name, ...), IK_REPLICAS(name, ...).`,
      ],
      `${constant}_VIEW(...)`,
      [
        `static const ik_source ${name}_sources[] = {__VA_ARGS__};`,
        `const ik_service ${name}_service = {&ik_kind_view, "${service.fullName}", &${row}_type, NULL, 0, NULL, 0, 0, {.unused = 0}, ${name}_sources, sizeof ${name}_sources / sizeof ${name}_sources[0]};`,
      ],
    ),
  ]
}

/** What an author writes, as a comment, and the macro that declares and gathers it. */
function macro(documentation: readonly string[], head: string, lines: readonly string[]): readonly string[] {
  return [
    ...documentation.map((line) => `// ${line}`),
    `#define ${head} \\`,
    ...lines.slice(0, -1).map((line) => `  ${line} \\`),
    `  ${lines.at(-1)}`,
  ]
}

/** A function that the service's table can have: the handler's own types are known here only. */
function thunk(name: string, call: string): string {
  return `static ik_answer ${name}_run(void *self, const void *request, void *reply, ik_context *context) { (void)self; (void)request; (void)reply; ${call} }`
}

interface Table {
  readonly kind: string
  readonly state: string
  readonly crdt: string
  readonly events: string
}

function table(
  service: ServiceType,
  name: string,
  rows: readonly string[],
  { kind, state, crdt, events }: Table,
): readonly string[] {
  return [`static const ik_method ${name}_methods[] = { \\`, ...rows.map((row) => `  ${row}, \\`), '};']
    .map((line) => line.replace(/ \\$/, ''))
    .concat([
      `const ik_service ${name}_service = {&ik_kind_${kind}, "${service.fullName}", ${state}, ${name}_methods, sizeof ${name}_methods / sizeof ${name}_methods[0], ${events}, ${crdt}, {.unused = 0, __VA_ARGS__}, NULL, 0};`,
    ])
}

const noHandlers = 'NULL, NULL, NULL, NULL, NULL, NULL, NULL'

function eventSourcedMacro(
  schema: Schema,
  c: CNames,
  service: ServiceType,
  methods: readonly Method[],
): readonly string[] {
  const name = c.of(service.fullName)
  const events = eventsOf(schema, c, service)
  const prototypes = methods.map(
    ({ handler, request, reply }) =>
      `ik_answer ${handler}(const STATE *state, const ${request} *request, ${reply} *reply, ik_context *context);`,
  )
  const head = `${constantOf(name)}_EVENT_SOURCED(STATE, ...)`
  return macro(
    [
      `${service.fullName}, as an event-sourced service whose state is the message STATE. Define`,
      ...prototypes.map((line) => `  ${line}`),
      `and for each event that is emitted by \`${name}_emit_...(context, &event)\` the fold of that name, as in`,
      ...events.slice(0, 1).map(({ fold, type }) => `  void ${fold}(STATE *state, const ${type} *event);`),
    ],
    head,
    [
      ...prototypes.map((line) => `IK_EXTERN ${line}`),
      ...events.flatMap(({ fold, emit, type }) => [
        `IK_EXTERN void ${fold}(STATE *state, const ${type} *event);`,
        `static inline void ${fold}_run(void *state, const void *event) { ${fold}((STATE *)state, (const ${type} *)event); }`,
        `static inline void ${emit}(ik_context *context, const ${type} *event) { ik_emit_event(context, &${type}_type, event, ${fold}_run); }`,
      ]),
      ...methods.map(({ handler, request, reply }) =>
        thunk(
          handler,
          `return ${handler}((const STATE *)self, (const ${request} *)request, (${reply} *)reply, context);`,
        ),
      ),
      ...table(service, name, methods.map(unaryRow), {
        kind: 'event_sourced',
        state: '&STATE##_type',
        crdt: '0',
        events: `${name}_events, ${events.length}`,
      }),
    ],
  )
}

function unaryRow({ method, handler, request, reply }: Method): string {
  return `{"${method.name}", &${request}_type, &${reply}_type, IK_UNARY, ${handler}_run, ${noHandlers}}`
}

function valueMacro(c: CNames, service: ServiceType, methods: readonly Method[]): readonly string[] {
  const name = c.of(service.fullName)
  const prototypes = methods.map(
    ({ handler, request, reply }) =>
      `ik_answer ${handler}(const VALUE *value, const ${request} *request, ${reply} *reply, ik_context *context);`,
  )
  const update = c.free(`${name}_update`)
  return macro(
    [
      `${service.fullName}, as a service that keeps one value, the message VALUE; null where there is none. Define`,
      ...prototypes.map((line) => `  ${line}`),
      `They change it by \`${update}(context, &value)\` and \`ik_remove(context)\`.`,
    ],
    `${constantOf(name)}_VALUE(VALUE, ...)`,
    [
      ...prototypes.map((line) => `IK_EXTERN ${line}`),
      `static inline void ${update}(ik_context *context, const VALUE *value) { ik_update_value(context, value); }`,
      ...methods.map(({ handler, request, reply }) =>
        thunk(
          handler,
          `return ${handler}((const VALUE *)self, (const ${request} *)request, (${reply} *)reply, context);`,
        ),
      ),
      ...table(service, name, methods.map(unaryRow), {
        kind: 'value',
        state: '&VALUE##_type',
        crdt: '0',
        events: 'NULL, 0',
      }),
    ],
  )
}

/** A function that may be missing: it is then as if it said nothing. */
function optional(prototype: string): string {
  return `IK_EXTERN __attribute__((weak)) ${prototype}`
}

function replicatedMacro(c: CNames, service: ServiceType, methods: readonly Method[]): readonly string[] {
  const name = c.of(service.fullName)
  const handlers = methods.map(({ method, handler, request, reply }) => ({
    isStreamed: method.serverStreaming,
    handler,
    request,
    reply,
    decide: `ik_answer ${handler}(ik_view view, const ${request} *request, ${reply} *reply, ik_context *context);`,
    changed: `ik_answer ${handler}_changed(ik_view view, const ${request} *request, ${reply} *reply, ik_context *context);`,
    cancelled: `void ${handler}_cancelled(ik_view view, const ${request} *request, ik_context *context);`,
    reads: `void ${handler}_reads(const ${request} *request, ik_context *context);`,
  }))
  const row = ({ method, handler, request, reply }: Method): string => {
    const streams = method.serverStreaming
      ? `IK_SERVER_STREAM, ${handler}_run, ${handler}_changed_run, ${handler}_cancelled_run`
      : `IK_UNARY, ${handler}_run, NULL, NULL`
    return `{"${method.name}", &${request}_type, &${reply}_type, ${streams}, ${handler}_reads_run, NULL, NULL, NULL, NULL}`
  }
  return macro(
    [
      `${service.fullName}, as a replicated service; KIND says of what, as IK_OR_MAP does. Define`,
      ...handlers.flatMap(({ isStreamed: streams, decide, changed, cancelled }) =>
        streams ? [`  ${decide}`, `  ${changed}`, `  ${cancelled} (may be left out)`] : [`  ${decide}`],
      ),
      'and for each method whose view is declared dynamic (`views`)',
      ...handlers.slice(0, 1).map(({ reads }) => `  ${reads}`),
    ],
    `${constantOf(name)}_REPLICATED(KIND, ...)`,
    [
      ...handlers.flatMap(({ isStreamed: streams, handler, request, reply, decide, changed, cancelled, reads }) => [
        `IK_EXTERN ${decide}`,
        optional(reads),
        thunk(
          handler,
          `return ${handler}(*(const ik_view *)self, (const ${request} *)request, (${reply} *)reply, context);`,
        ),
        thunk(
          `${handler}_reads`,
          `if (${handler}_reads) ${handler}_reads((const ${request} *)request, context); return IK_SILENT;`,
        ),
        ...(streams
          ? [
              `IK_EXTERN ${changed}`,
              optional(cancelled),
              thunk(
                `${handler}_changed`,
                `return ${handler}_changed(*(const ik_view *)self, (const ${request} *)request, (${reply} *)reply, context);`,
              ),
              thunk(
                `${handler}_cancelled`,
                `if (${handler}_cancelled) ${handler}_cancelled(*(const ik_view *)self, (const ${request} *)request, context); return IK_SILENT;`,
              ),
            ]
          : []),
      ]),
      ...table(service, name, methods.map(row), { kind: 'replicated', state: 'NULL', crdt: 'KIND', events: 'NULL, 0' }),
    ],
  )
}

interface Part {
  readonly prototype: string
  readonly isOptional: boolean
  readonly thunk: string
}

/** The functions of a stream, in the order of a row: handle, start, next, end, cancelled. */
function streamParts({ method, handler, request, reply }: Method, state: string): Readonly<Record<string, Part>> {
  const part = (name: string, given: readonly string[], isOptional: boolean, otherwise = 'return IK_SILENT;'): Part => {
    const parameters = [`${state} *state`, ...given, 'ik_context *context'].join(', ')
    const passed = [
      `(${state} *)self`,
      ...given.map((one) => (one.startsWith('const') ? `(const ${request} *)request` : `(${reply} *)reply`)),
      'context',
    ].join(', ')
    const full = `${handler}_${name}`
    return {
      prototype: `ik_answer ${full}(${parameters});`,
      isOptional,
      thunk: thunk(
        full,
        isOptional ? `if (${full}) return ${full}(${passed}); ${otherwise}` : `return ${full}(${passed});`,
      ),
    }
  }
  const asked = `const ${request} *request`
  const answered = `${reply} *reply`
  const noNext = `ik_fault("${handler} asks for more, but has no ${handler}_next");`
  const cancelled = part('cancelled', [], true)
  const nothing = part('next', [], true, noNext)
  if (method.clientStreaming && method.serverStreaming) {
    return {
      start: part('start', [], true),
      item: part('item', [asked], false),
      next: nothing,
      end: part('end', [], true),
      cancelled,
    }
  }
  if (method.clientStreaming) {
    return {
      start: part('start', [], true),
      item: part('item', [asked, answered], false),
      end: part('end', [answered], false),
      cancelled,
    }
  }
  return { start: part('start', [asked], false), next: part('next', [], false), cancelled }
}

function shapeOf({ clientStreaming, serverStreaming }: MethodType): string {
  if (clientStreaming) return serverStreaming ? 'IK_BIDI' : 'IK_CLIENT_STREAM'
  return serverStreaming ? 'IK_SERVER_STREAM' : 'IK_UNARY'
}

function actionMacro(c: CNames, service: ServiceType, methods: readonly Method[]): readonly string[] {
  const name = c.of(service.fullName)
  const streamed = methods.filter(({ method }) => isStreamed(method))
  const stateOf = ({ method }: Method): string => `${constantOf(snake(method.name))}_STATE`
  const documentation: string[] = []
  const lines: string[] = []
  const rows: string[] = []
  for (const one of methods) {
    const { method, handler, request, reply } = one
    if (!isStreamed(method)) {
      const prototype = `ik_answer ${handler}(const ${request} *request, ${reply} *reply, ik_context *context);`
      documentation.push(`  ${prototype}`)
      lines.push(
        `IK_EXTERN ${prototype}`,
        thunk(handler, `return ${handler}((const ${request} *)request, (${reply} *)reply, context);`),
      )
      rows.push(unaryRow(one))
      continue
    }
    const parts = streamParts(one, stateOf(one))
    for (const { prototype, isOptional: mayBeMissing, thunk: run } of Object.values(parts)) {
      documentation.push(`  ${prototype}${mayBeMissing ? ' (may be left out)' : ''}`)
      lines.push(mayBeMissing ? optional(prototype) : `IK_EXTERN ${prototype}`, run)
    }
    if (method.serverStreaming) {
      lines.push(
        `static inline void ${handler}_emit(ik_context *context, const ${reply} *element) { ik_emit_element(context, element); }`,
      )
    }
    const run = (part: string): string => (parts[part] === undefined ? 'NULL' : `${handler}_${part}_run`)
    rows.push(
      `{"${method.name}", &${request}_type, &${reply}_type, ${shapeOf(method)}, ${run('item')}, NULL, ${run('cancelled')}, NULL, &${stateOf(one)}##_type, ${run('start')}, ${run('next')}, ${run('end')}}`,
    )
  }
  const states = streamed.map(stateOf)
  return macro(
    [
      `${service.fullName}, as a service without state.${states.length === 0 ? '' : ' ..._STATE: the message that a stream keeps, or ik_nothing.'} Define`,
      ...documentation,
    ],
    `${constantOf(name)}_ACTION(${[...states, '...'].join(', ')})`,
    [...lines, ...table(service, name, rows, { kind: 'action', state: 'NULL', crdt: '0', events: 'NULL, 0' })],
  )
}
