// SQL: the words of a statement with their places, as far as a host must know them before SQLite reads it.
//
// Q1. What SQLite takes for text, a comment or a quoted name is none of our words: a parameter or a `;` in one of them is not seen.
//
// Leaves to others: whether it is SQL. SQLite says that.

export interface Token {
  readonly kind: 'word' | 'quoted' | 'text' | 'number' | 'parameter' | 'symbol'
  /** As it is written; of a quoted name, the name. */
  readonly text: string
  readonly at: number
}

const patterns: readonly (readonly [kind: Token['kind'] | 'space', pattern: RegExp])[] = [
  ['space', /[ \t\n\f\r]+/y],
  ['space', /--[^\n]*/y],
  ['space', /\/\*[\s\S]*?(?:\*\/|$)/y],
  ['text', /[xX]?'(?:[^']|'')*(?:'|$)/y],
  ['quoted', /"(?:[^"]|"")*(?:"|$)/y],
  ['quoted', /`(?:[^`]|``)*(?:`|$)/y],
  ['quoted', /\[[^\]]*(?:\]|$)/y],
  // `:a::b` and `:a(b)` are one name, from the days of Tcl.
  ['parameter', /[:@$#](?:[\w$\u0080-\uffff]|::)+(?:\([^\s)]*\)?)?|\?\d*/y],
  ['number', /(?:\d[\d_]*(?:\.[\d_]*)?|\.\d[\d_]*)(?:[eE][+-]?\d+)?|0[xX][0-9a-fA-F]+/y],
  ['word', /[A-Za-z_\u0080-\uffff][\w$\u0080-\uffff]*/y],
  ['symbol', /[\s\S]/y],
]

export function tokensOf(sql: string): readonly Token[] {
  const tokens: Token[] = []
  for (let at = 0; at < sql.length; ) {
    for (const [kind, pattern] of patterns) {
      pattern.lastIndex = at
      const text = pattern.exec(sql)?.[0]
      if (text === undefined) continue
      if (kind !== 'space') tokens.push({ kind, text: kind === 'quoted' ? unquoted(text) : text, at })
      at += text.length
      break
    }
  }
  return tokens
}

function unquoted(text: string): string {
  const quote = text[0]!
  const inner = text.slice(1, -1)
  return quote === '[' ? inner : inner.replaceAll(quote + quote, quote)
}

/** For a person. */
export function placeIn(sql: string, at: number): string {
  const before = sql.slice(0, at).split('\n')
  return before.length === 1 ? `character ${at + 1}` : `line ${before.length}, character ${before.at(-1)!.length + 1}`
}

/** What names something, of a table or a column. */
export function isName({ kind }: Token): boolean {
  return kind === 'word' || kind === 'quoted'
}

/** Names that WITH gives to tables, in lower case: what stands before `AS (`, or before `(…) AS (`. */
export function commonTables(sql: string): readonly string[] {
  const tokens = tokensOf(sql)
  const names: string[] = []
  for (const [at, token] of tokens.entries()) {
    if (!isName(token) || (tokens[at - 1]?.text !== ',' && !/^(?:with|recursive)$/i.test(tokens[at - 1]?.text ?? '')))
      continue
    let next = at + 1
    if (tokens[next]?.text === '(') while (next < tokens.length && tokens[next++]!.text !== ')');
    if (/^as$/i.test(tokens[next]?.text ?? '')) names.push(token.text.toLowerCase())
  }
  return names
}

/** Why it is not one SELECT, as far as its words tell. */
export function formProblem(sql: string, tokens: readonly Token[] = tokensOf(sql)): string | undefined {
  const [first] = tokens
  if (first === undefined) return 'has no SQL'
  if (first.kind !== 'word' || !/^(?:select|with)$/i.test(first.text))
    return `begins with ${first.text.slice(0, 40)}: a query is one SELECT, or WITH … SELECT`
  const end = tokens.findIndex(({ kind, text }) => kind === 'symbol' && text === ';')
  const next = end === -1 ? undefined : tokens.slice(end).find(({ text }) => text !== ';')
  return next && `has a second statement, at ${placeIn(sql, next.at)} of its SQL: a query is one SELECT`
}
