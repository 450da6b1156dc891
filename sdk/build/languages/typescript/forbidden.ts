// Forbidden: uses of globals that a pure function cannot have, in one source file, with line and column.
//
// F1. By scope: a local variable, parameter or import called `fetch` is the author's own, from its scope inwards.
// F2. `globalThis.Date` is `Date`. Probing with `typeof Date` is a use too: its answer differs between test and host.
// F3. The names and what to use instead are the SDK's (guest/forbidden.ts), the same that the prelude replaces.

import {
  forbiddenCalls,
  forbiddenGlobals,
  forbiddenMembers,
  forbiddenMessage,
  forbiddenMethods,
} from '@innkeeper/sdk/forbidden'
import { parseAst } from 'rolldown/parseAst'
import type { BuildProblem } from '../../problem.ts'

interface Node {
  readonly type: string
  readonly start: number
  readonly [key: string]: unknown
}

interface Scope {
  readonly names: Set<string>
  readonly outer: Scope | undefined
}

/** A use, with its name and what to use instead. */
interface Forbidden extends BuildProblem {
  readonly name: string
  readonly instead: string
}

/** @throws nothing: a file that does not parse is the type checker's to report. */
export function findForbidden(file: string, text: string): readonly Forbidden[] {
  let program: Node
  try {
    program = parseAst(text, {
      lang: file.endsWith('.tsx') ? 'tsx' : /\.[mc]?ts$/.test(file) ? 'ts' : 'js',
    }) as unknown as Node
  } catch {
    return []
  }
  const problems: Forbidden[] = []
  const report = (node: Node, name: string, instead: string): void => {
    problems.push({ file, ...placeOf(text, node.start), message: forbiddenMessage(name, instead), name, instead })
  }
  visit(program, undefined, report)
  return problems
}

type Report = (node: Node, name: string, instead: string) => void

const functions = new Set(['FunctionDeclaration', 'FunctionExpression', 'ArrowFunctionExpression'])
const scopes = new Set([
  ...functions,
  'Program',
  'BlockStatement',
  'ForStatement',
  'ForInStatement',
  'ForOfStatement',
  'CatchClause',
  'SwitchStatement',
  'ClassExpression',
  'StaticBlock',
])

function visit(node: Node, outer: Scope | undefined, report: Report): void {
  const scope = scopes.has(node.type) ? { names: namesIn(node), outer } : outer
  if (node.type === 'Identifier') {
    const name = node['name'] as string
    const instead = own(forbiddenGlobals, name)
    if (instead !== undefined && !isBound(name, scope)) report(node, name, instead)
    return
  }
  if (node.type === 'MemberExpression') visitMember(node, scope, report)
  if (node.type === 'CallExpression' || node.type === 'NewExpression') visitCall(node, scope, report)
  for (const [key, child] of childrenOf(node)) if (isUse(node, key)) visit(child, scope, report)
}

/** `Date()` is text of the present with any arguments; `new Date(ms)` is a date. */
function visitCall(node: Node, scope: Scope | undefined, report: Report): void {
  const callee = node['callee'] as Node
  const name = callee.type === 'Identifier' ? (callee['name'] as string) : ''
  const refused = own(forbiddenCalls, name)
  if (refused === undefined || isBound(name, scope)) return
  const isNew = node.type === 'NewExpression'
  if (refused.bare && isNew && (node['arguments'] as readonly Node[]).length > 0) return
  report(node, `${isNew ? 'new ' : ''}${name}()`, refused.instead)
}

function visitMember(node: Node, scope: Scope | undefined, report: Report): void {
  const object = node['object'] as Node
  const name = propertyName(node)
  if (name === undefined) return
  const owner = object.type === 'Identifier' ? (object['name'] as string) : undefined
  if (owner === 'globalThis' && !isBound(owner, scope)) {
    const instead = own(forbiddenGlobals, name)
    if (instead !== undefined) report(node, name, instead)
  } else if (owner !== undefined && !isBound(owner, scope)) {
    const instead = own(own(forbiddenMembers, owner) ?? {}, name)
    if (instead !== undefined) report(node, `${owner}.${name}`, instead)
  }
  const instead = own(forbiddenMethods, name)
  if (instead !== undefined) report(node['property'] as Node, `${name}()`, instead)
}

function propertyName(node: Node): string | undefined {
  const property = node['property'] as Node
  if (node['computed'] !== true) return property['name'] as string | undefined
  return property.type === 'Literal' && typeof property['value'] === 'string' ? property['value'] : undefined
}

/** Names that are not uses: property names, labels, types, what an import is called elsewhere. */
function isUse(node: Node, key: string): boolean {
  if (
    /^TS(?!AsExpression|SatisfiesExpression|NonNullExpression|TypeAssertion|InstantiationExpression|ParameterProperty|ExportAssignment)/.test(
      node.type,
    )
  )
    return false
  if (/^(typeAnnotation|typeArguments|typeParameters|returnType|superTypeArguments|implements)$/.test(key)) return false
  switch (node.type) {
    case 'MemberExpression':
      return key !== 'property' || node['computed'] === true
    case 'Property':
    case 'MethodDefinition':
    case 'PropertyDefinition':
    case 'AccessorProperty':
      return key !== 'key' || node['computed'] === true
    case 'LabeledStatement':
    case 'BreakStatement':
    case 'ContinueStatement':
      return key !== 'label'
    case 'ImportDeclaration':
    case 'ExportAllDeclaration':
      return false
    case 'ExportSpecifier':
      return key === 'local'
    case 'MetaProperty':
      return false
    default:
      return true
  }
}

/** What a scope declares. `var` and functions in blocks are taken as the block's: stricter code has neither. */
function namesIn(node: Node): Set<string> {
  const names = new Set<string>()
  if (functions.has(node.type)) {
    for (const parameter of node['params'] as Node[]) bind(parameter, names)
    if (node.type === 'FunctionExpression' && node['id'] != null) bind(node['id'] as Node, names)
  }
  if (node.type === 'ClassExpression' && node['id'] != null) bind(node['id'] as Node, names)
  if (node.type === 'CatchClause' && node['param'] != null) bind(node['param'] as Node, names)
  for (const key of ['init', 'left']) {
    const declaration = node[key] as Node | null | undefined
    if (declaration?.type === 'VariableDeclaration') bindDeclaration(declaration, names)
  }
  const statements =
    node.type === 'SwitchStatement' ? (node['cases'] as Node[]).flatMap((c) => c['consequent'] as Node[]) : node['body']
  if (Array.isArray(statements)) for (const statement of statements as Node[]) bindDeclaration(statement, names)
  return names
}

function bindDeclaration(statement: Node, names: Set<string>): void {
  switch (statement.type) {
    case 'VariableDeclaration':
      for (const declarator of statement['declarations'] as Node[]) bind(declarator['id'] as Node, names)
      return
    case 'FunctionDeclaration':
    case 'ClassDeclaration':
    case 'TSEnumDeclaration':
      if (statement['id'] != null) bind(statement['id'] as Node, names)
      return
    case 'ImportDeclaration':
      for (const specifier of statement['specifiers'] as Node[]) bind(specifier['local'] as Node, names)
      return
    case 'ExportNamedDeclaration':
    case 'ExportDefaultDeclaration': {
      const declaration = statement['declaration'] as Node | null
      if (declaration != null) bindDeclaration(declaration, names)
    }
  }
}

function bind(pattern: Node, names: Set<string>): void {
  switch (pattern.type) {
    case 'Identifier':
      names.add(pattern['name'] as string)
      return
    case 'ObjectPattern':
      for (const property of pattern['properties'] as Node[]) bind((property['value'] ?? property) as Node, names)
      return
    case 'ArrayPattern':
      for (const element of pattern['elements'] as (Node | null)[]) if (element !== null) bind(element, names)
      return
    case 'AssignmentPattern':
      bind(pattern['left'] as Node, names)
      return
    case 'RestElement':
      bind(pattern['argument'] as Node, names)
      return
    case 'TSParameterProperty':
      bind(pattern['parameter'] as Node, names)
  }
}

function isBound(name: string, scope: Scope | undefined): boolean {
  for (let at = scope; at !== undefined; at = at.outer) if (at.names.has(name)) return true
  return false
}

function* childrenOf(node: Node): Generator<[string, Node]> {
  for (const key in node) {
    const value = node[key]
    if (Array.isArray(value)) {
      for (const item of value) if (isNode(item)) yield [key, item]
    } else if (isNode(value)) yield [key, value]
  }
}

function isNode(value: unknown): value is Node {
  return typeof value === 'object' && value !== null && typeof (value as Node).type === 'string'
}

function own<T>(record: Readonly<Record<string, T>>, key: string): T | undefined {
  return Object.hasOwn(record, key) ? record[key] : undefined
}

function placeOf(text: string, offset: number): { line: number; column: number } {
  const before = text.slice(0, offset)
  return { line: before.split('\n').length, column: offset - before.lastIndexOf('\n') }
}
