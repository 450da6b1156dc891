// Odd names: .proto files whose names are words and built-ins of the languages, or meet what generators add, in every place that a name has.
//
// The seed decides which names stand beside each other; the same seed makes the same files.

import { mulberry } from '../../host/laws/random.ts'

const words =
  // Words of TypeScript, Rust, Go, Swift, C and C++.
  'type func range chan select class void int auto register default new delete this self super await async in is as fn impl match crate where let var ' +
  'init deinit guard protocol inline volatile restrict struct union switch goto package import go defer fallthrough interface enum const static extern ' +
  'move mut pub ref trait unsafe use dyn abstract become box do final macro override priv typeof unsized virtual yield try gen loop while for if else ' +
  'break continue return throw throws rethrows catch finally nil null undefined true false any never unknown object symbol bigint number string bool byte ' +
  'rune error float double long short signed unsigned char sizeof typedef template namespace operator private protected public friend mutable explicit ' +
  'export module declare readonly keyof infer asserts unique satisfies associatedtype subscript inout lazy weak indirect some actor isolated nonisolated ' +
  'alignas alignof asm bitand compl consteval constexpr decltype noexcept nullptr not or xor and wchar_t thread_local static_assert eval arguments ' +
  // Built-ins, and names in generated code and in the SDKs.
  'Object Array Map Set String Number Boolean Error Uint8Array Promise Symbol Date BigInt Function Record Partial Readonly Option Result Vec Box Some None ' +
  'Ok Err Self StaticArray JSON Math Infinity NaN globalThis i32 u8 f64 usize isize u64 str Default Clone Debug PartialEq Message Enumeration Oneof Any ' +
  'Type Protocol Int Int32 UInt8 Bool Double Optional Dictionary Data Character Void AnyObject Swift Innkeeper Equatable Never Hashable Encodable Context ' +
  'State Command Event Reply Request Response Reader Writer Entry Kind Service Services Handler Decide Evolve Accept Refuse Calls Action Value Replicated ' +
  'EventSourced Descriptors ' +
  // Members, locals, macros.
  'constructor prototype toString valueOf hashCode hasOwnProperty __proto__ size read write create out r m n s w b v tag into key value f1 i entry list ' +
  'start outer inner end at context state request reply event map copy make cap append len panic iota Reset String Marshal ProtoMessage Descriptor encode ' +
  'decode free errno NULL EOF stdin stdout INFINITY NAN linux unix case kind print println min max clear close real imag complex recover fmt wire uint32 ' +
  'raw_value rawValue description hash_value memory data bytes count index field fields buffer cursor limit length name i_k ik_text ik_bytes ik_arena ' +
  'malloc memcpy strlen main abort assert signal exit drop clone default_instance encoded_len merge_field encode_raw from eq fmt_ as_str_name'

/** Names that code beside a message `X` may have. */
const added =
  'Type New Read Write Encode Decode Detail Array Entry OneOf Kind Case Handler Calls EventSourced Value Replicated Action Reader Builder Init Fields ' +
  'Descriptor Enum View Ref List'

interface OddFiles {
  /** By path in proto/. */
  readonly texts: Readonly<Record<string, string>>
  /** A message that reaches those of all files with fields. */
  readonly holder: string
}

interface OddOptions {
  /** With a file in edition 2023. */
  readonly edition: boolean
  /** With a oneof of 270 members. */
  readonly wide: boolean
  /** One of so many words is taken. */
  readonly oneOf: number
}

export function oddFiles(seed: number, { edition, wide, oneOf }: OddOptions): OddFiles {
  const random = mulberry(seed)
  const all = shuffled([...new Set(words.split(' '))], random).filter((_, at) => at % oneOf === 0)
  const names = unlike(all)
  const texts: Record<string, string> = {
    'odd/messages.proto': file('odd.v1', messages([...new Set(all.flatMap((name) => [name, capital(name)]))])),
    'odd/fields.proto': file('odd.fields', [...fields(all, random), ...oneofs(names)]),
    'odd/enums.proto': file('odd.enums', enums(names)),
    'odd/added.proto': file('odd.added', [...beside(added.split(' ')), nesting]),
    'odd/services.proto': file('odd.services', services(all)),
    // A package of words, with the names of another package's messages, and a file that is called by one.
    'class/type.proto': file('class.type.func.v1', ['message Object { string self = 1; }', 'message State {}']),
    'odd/wide.proto': file('odd.wide', withMembers(wide ? 270 : 3)),
    'odd/only_options.proto': `syntax = "proto3"; package odd.options; import "google/protobuf/descriptor.proto";
message Rule { string type = 1; } extend google.protobuf.FieldOptions { Rule rule = 50123; }`,
  }
  if (edition) texts['odd/edition.proto'] = editions
  const reached = [
    'odd.v1.Holder',
    'odd.fields.Holder',
    'odd.enums.Holder',
    'odd.added.X',
    'class.type.func.v1.Object',
    'odd.wide.Wide',
  ]
  if (edition) reached.push('odd.edition.Said')
  const imports = Object.keys(texts).map((name) => `import "${name}";`)
  const held = reached.map((name, index) => `.${name} m${index} = ${index + 1};`)
  const rule = 'string ruled = 99 [(odd.options.rule) = { type: "x" }];'
  texts['odd/holder.proto'] =
    `syntax = "proto3"; package odd; ${imports.join(' ')}\nmessage Holder { ${held.join(' ')} ${rule} }\n`
  return { texts, holder: 'odd.Holder' }
}

const editions = `edition = "2023"; package odd.edition;
message Said {
  string type = 1; int32 default = 2 [features.field_presence = IMPLICIT]; repeated int32 in = 3 [features.repeated_field_encoding = EXPANDED];
  Closed closed = 4;
}
enum Closed { option features.enum_type = CLOSED; NULL = 1; EOF = 2; }
`

function file(name: string, parts: readonly string[]): string {
  return `syntax = "proto3";\npackage ${name};\n${parts.join('\n')}\n`
}

/** `Value` is one of the project's own messages. */
function messages(all: readonly string[]): string[] {
  const names = all.filter((name) => name !== 'Value')
  const body = (name: string) =>
    `string s = 1; repeated .odd.v1.${name} self = 2; map<string, .odd.v1.${name}> by = 3; oneof pick { bytes raw = 4; int64 long = 5; } optional bool flag = 6;`
  const held = names.map((name, index) => `.odd.v1.${name} f${index} = ${index + 1};`)
  return [...names.map((name) => `message ${name} { ${body(name)} }`), `message Holder { ${held.join(' ')} }`]
}

function fields(all: readonly string[], random: () => number): string[] {
  const types = [
    'string',
    'repeated int32',
    'bytes',
    'optional int64',
    'map<string, string>',
    'repeated Holder',
    'optional string',
    'bool',
  ]
  const groups = apart(all)
  const parts = groups.map(
    (group, index) =>
      `message Fields${index} { ${group.map((name, at) => `${types[Math.floor(random() * types.length)]} ${name} = ${at + 1};`).join(' ')} }`,
  )
  return [
    ...parts,
    `message Holder { ${groups.map((_, index) => `Fields${index} f${index} = ${index + 1};`).join(' ')} }`,
  ]
}

/** As members of one oneof, and as oneofs with one member. */
function oneofs(names: readonly string[]): string[] {
  const members = names
    .filter((name) => name !== 'case')
    .map((name, at) => `${at % 2 === 0 ? 'string' : 'Holder'} ${name} = ${at + 1};`)
  const single = names.map((name, at) => `oneof ${name} { int32 only_${at} = ${at + 1}; }`)
  return [`message Members { oneof case { ${members.join(' ')} } }`, `message Single { ${single.join(' ')} }`]
}

function enums(names: readonly string[]): string[] {
  const values = names.map((name, at) => `${name} = ${at};`)
  const shouted = unlike(names.map((name) => name.toUpperCase())).map((name, at) => `${name} = ${at};`)
  const types = names.map((name) => `message In_${name} { enum ${name} { ZERO_${name} = 0; } ${name} the_field = 1; }`)
  return [
    `message Plain { enum Sorts { ${values.join(' ')} } Sorts a_sort = 1; repeated Sorts sorts = 2; map<int32, Sorts> by_sort = 3; }`,
    `message Shouted { enum Sorts { ${shouted.join(' ')} LEAST = -2147483648; MOST = 2147483647; } Sorts a_sort = 1; }`,
    ...types,
    `message Holder { Plain plain = 1; Shouted shouted = 2; ${names.map((name, at) => `In_${name} f${at} = ${at + 3};`).join(' ')} }`,
  ]
}

/** Messages, enums and nested ones that are called as what generators add to others. */
function beside(parts: readonly string[]): string[] {
  const nested = parts.map((part) => `message ${part} { string s = 1; map<string, ${part}> entry = 2; }`)
  const flat = parts.map((part) => `message X${part} { string s = 1; }`)
  const held = parts.map((part, at) => `${part} ${part.toLowerCase()}_ = ${at + 10}; X${part} x${at} = ${at + 100};`)
  return [
    ...flat,
    `message X { ${nested.join(' ')} oneof kind { string text = 1; int64 n = 2; } string get_text = 3; string has_text = 4; ${held.join(' ')} }`,
  ]
}

const nesting = `enum XKind_ { NOTHING = 0; } message X_Type { string s = 1; } message X_Kind { string s = 1; } message X_Entry { string s = 1; }
message A { message B { message C { A a = 1; B b = 2; } C c = 1; } B b = 1; } message A_B { A.B b = 1; string A = 2; }
message A_B_C { A_B b = 1; } message a { A up = 1; } message aB { string x = 1; } message a_b { string x = 1; }`

function services(all: readonly string[]): string[] {
  const methods = (of: readonly string[]) =>
    unlike(of).map((name) => `rpc ${name}(.odd.services.Ask) returns (.odd.services.Ask);`)
  const capitals = [...new Set(all.map(capital))]
  const named = capitals.map((name) => `service ${name}_ { rpc Do(.odd.services.Ask) returns (.odd.services.Ask); }`)
  return [
    'message Ask { string type = 1; }',
    `service Lower { ${methods(all).join(' ')} }`,
    `service Upper { ${methods(capitals).join(' ')} }`,
    ...capitals
      .filter((name) => !['Ask', 'Lower', 'Upper'].includes(name))
      .map((name) => `service ${name} { rpc Do(.odd.services.Ask) returns (.odd.services.Ask); }`),
    ...named.slice(0, 20),
  ]
}

function withMembers(count: number): string[] {
  const members = Array.from(
    { length: count },
    (_, at) => `${at % 3 === 0 ? 'Part' : 'string'} member_${at} = ${at + 1};`,
  )
  return [
    'message Part { int64 n = 1; }',
    `message Wide { oneof one { ${members.join(' ')} } oneof only { Part single = 271; } }`,
  ]
}

function capital(name: string): string {
  return name.charAt(0).toUpperCase() + name.slice(1)
}

/** Protobuf wants names that differ in more than letters' case and underscores, within a message and an enum. */
const plain = (name: string): string => name.replaceAll('_', '').toLowerCase()

function unlike(names: readonly string[]): readonly string[] {
  return [...new Map(names.map((name) => [plain(name), name])).values()].filter((name) => !reserved.has(name))
}

/** Groups of some 60 in which all are unlike. */
function apart(names: readonly string[]): readonly (readonly string[])[] {
  const groups: string[][] = []
  for (const name of names) {
    if (reserved.has(name)) continue
    const group = groups.find((one) => one.length < 60 && !one.some((other) => plain(other) === plain(name)))
    if (group === undefined) groups.push([name])
    else group.push(name)
  }
  return groups
}

/** Words of protobuf's own that begin a statement there. */
const reserved: ReadonlySet<string> = new Set(['option', 'reserved', 'extensions', 'Option'])

function shuffled<T>(items: readonly T[], random: () => number): T[] {
  const keyed = items.map((item) => [random(), item] as const)
  return keyed.sort(([a], [b]) => a - b).map(([, item]) => item)
}
