// Guards google.api.http: what is wrong with a rule is said in the words of §rule-2, and what matches is what was declared.

import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { Routes } from '../../host/ingress/http/routes.ts'
import type { RulesResult } from '../../host/schema/http-rule.ts'
import { routesOf } from '../../host/schema/http-rule.ts'
import type { HttpRule, MethodType } from '../../host/schema/schema.ts'
import { capture } from '../../host/schema/template.ts'
import type { Service } from '../../host/services.ts'
import { protos } from '../support/protos.ts'

const { schema } = await protos({
  'rules.proto': `syntax = "proto3"; package test.v1;
    service Rules { rpc Do(In) returns (Out); }
    message In { string id = 1; repeated string tags = 2; map<string, string> notes = 3; Shade shade = 4; Inner inner = 5;
      repeated Inner many = 6; int64 amount = 7; string two_words = 8; }
    message Inner { string name = 1; Inner again = 2; }
    message Out { string id = 1; }
    enum Shade { SHADE_UNSPECIFIED = 0; }`,
})
const name = 'test.v1.Rules'
const plain = schema.services.get(name)!.methods.get('Do')!
const empty: HttpRule = { selector: '', method: 'POST', path: '/do', body: '', responseBody: '', additional: [] }
const rules = (rule: Partial<HttpRule>): RulesResult => routesOf(name, { ...plain, http: { ...empty, ...rule } })

/** The one problem of a rule, without what every problem starts with. */
function problem(rule: Partial<HttpRule>): string {
  const { problems } = rules(rule)
  assert.is(problems.length, 1, problems.join('\n'))
  const start = `HTTP API Config: ${name}.Do: `
  assert.ok(problems[0]!.startsWith(start), problems[0])
  return problems[0]!.slice(start.length)
}

/** What a path captures, or undefined. */
function captured(template: string, path: string): readonly string[] | undefined {
  const { routes, problems } = rules({ path: template })
  assert.equal(problems, [], template)
  return capture(routes[0]!.template, path)
}

function served(...methods: readonly (readonly [string, readonly Partial<HttpRule>[]])[]): Routes {
  const services = methods.map(([service, all]): [string, Service] => {
    const types = all.map((rule, index): [string, MethodType] => [
      `M${index}`,
      { ...plain, name: `M${index}`, http: { ...empty, ...rule } },
    ])
    return [service, { name: service, type: { fullName: service, methods: new Map(types) } } as unknown as Service]
  })
  return new Routes({ unserved: new Map(), services: new Map(services) })
}

function found(routes: Routes, method: string, path: string): string {
  const result = routes.find(method, path)
  if (result.kind === 'route') return `${result.route.target.name}.${result.route.method.name}`
  return result.kind === 'wrong_method' ? `allow ${result.allow.join(', ')}` : result.kind
}

const Rule = suite('http rules')

Rule('§rule-1, http-rule.H1: a method without the option has the generated route, one with it only its own', () => {
  const generated = routesOf(name, plain).routes
  assert.equal(
    generated.map(({ httpMethod, path, body }) => [httpMethod, path, body]),
    [['POST', '/test.v1.Rules/Do', '*']],
  )
  assert.equal(
    rules({ additional: [{ ...empty, method: 'GET', path: '/other' }] }).routes.map(({ path }) => path),
    ['/do', '/other'],
  )
})

Rule('http-rule.H4: rules of a method are read once for all who ask', () => {
  const method = { ...plain, http: { ...empty, path: '/{id}' } }
  assert.is(routesOf(name, method), routesOf(name, method))
})

Rule('§rule-2, http-rule.H2: a selector must be empty or the method', () => {
  assert.is(problem({ selector: 'a.B' }), `Rule selector [a.B] must be empty or [${name}.Do]`)
  assert.equal(rules({ selector: `${name}.Do` }).problems, [])
})

Rule(
  '§rule-2, §rule-6, http-rule.H2, http-rule.H3: a rule needs a pattern; a custom one has a method that the parser knows, or *',
  () => {
    assert.is(problem({ method: undefined }), `Pattern missing for rule [${name}.Do]!`)
    const refused = (kind: string, reason: string) =>
      assert.is(
        problem({ method: { custom: kind } }),
        `The HTTP method [${kind}] of a custom pattern cannot be served: ${reason}`,
      )
    refused('HEAD', 'the host answers HEAD where there is a rule for GET')
    refused('CONNECT', 'it asks for a tunnel')
    refused('purge', "the host's HTTP parser does not know it; did you mean PURGE?")
    refused('BREW', "the host's HTTP parser does not know it")
    for (const kind of ['PURGE', 'PROPFIND', 'M-SEARCH', 'GET'])
      assert.is(rules({ method: { custom: kind } }).routes[0]!.httpMethod, kind)
    assert.is(rules({ method: { custom: '*' } }).routes[0]!.httpMethod, '*')
    for (const method of ['GET', 'PUT', 'POST', 'DELETE', 'PATCH'] as const) {
      assert.is(rules({ method }).routes[0]!.httpMethod, method)
    }
  },
)

Rule('§rule-2, http-rule.H2: a body is everything, nothing, or one field of any type', () => {
  assert.is(problem({ body: 'x' }), 'Body configured to [x] but that field does not exist on input type.')
  for (const body of ['', '*', 'inner', 'tags', 'many', 'notes', 'id']) assert.equal(rules({ body }).problems, [])
})

Rule('§rule-2, http-rule.H2: a response body is a field of the output', () => {
  assert.is(problem({ responseBody: 'x' }), 'Response body field [x] does not exist on type [test.v1.Out]')
  assert.is(rules({ responseBody: 'id' }).routes[0]!.responseBody?.name, 'id')
})

Rule('§rule-2, http-rule.H2: additional bindings have no additional bindings', () => {
  const additional = [{ ...empty, path: '/more', additional: [{ ...empty, path: '/most' }] }]
  assert.is(problem({ additional }), 'Only one level of additionalBindings supported, but [/more] has more than one!')
})

Rule('§rule-2, http-rule.H2: path variables are single scalars or enums, also inside messages', () => {
  assert.is(problem({ path: '/{x}' }), 'Unknown field name [x] in type [test.v1.In] used as a path variable')
  assert.is(problem({ path: '/{id.x}' }), 'Unknown field name [id.x] in type [test.v1.In] used as a path variable')
  assert.is(
    problem({ path: '/{many.name}' }),
    'Unknown field name [many.name] in type [test.v1.In] used as a path variable',
  )
  assert.is(problem({ path: '/{tags}' }), 'Repeated parameters [tags] are not allowed as path variables')
  assert.is(problem({ path: '/{notes}' }), 'Map parameters [notes] are not allowed as path variables')
  assert.is(problem({ path: '/{inner}' }), 'Message path parameters not supported! [inner]')
  // §request-1: dotted names and enums work.
  for (const path of ['/{shade}', '/{inner.name}', '/{inner.again.name}', '/{amount}', '/{two_words}']) {
    assert.equal(rules({ path }).problems, [], path)
  }
})

Rule('§rule-3, http-rule.H2: a template that is none says at which character', () => {
  for (const [path, text] of [
    ['', 'A path must start with "/" at character 1 of []'],
    ['do', 'A path must start with "/" at character 1 of [do]'],
    ['/', 'Expected a path segment at character 2 of [/]'],
    ['/a//b', 'Expected a path segment at character 4 of [/a//b]'],
    ['/a/', 'Expected a path segment at character 4 of [/a/]'],
    ['/a*', 'Unexpected character at character 3 of [/a*]'],
    ['/a}', 'Unexpected character at character 3 of [/a}]'],
    ['/***', 'Unexpected character at character 4 of [/***]'],
    ['/**/a', 'Multi segment wildcards "**" are only allowed at the end of the path at character 5 of [/**/a]'],
    [
      '/{id=**}/a',
      'Multi segment wildcards "**" are only allowed at the end of the path at character 10 of [/{id=**}/a]',
    ],
    ['/{id=a/{amount}}', 'Variables may not be nested at character 8 of [/{id=a/{amount}}]'],
    ['/{id}/{id}', 'The field [id] appears twice at character 8 of [/{id}/{id}]'],
    ['/{}', 'Expected a field name at character 3 of [/{}]'],
    ['/{1}', 'Expected a field name at character 3 of [/{1}]'],
    ['/{id', 'Expected "}" at character 5 of [/{id]'],
    ['/{id=}', 'Expected a path segment at character 6 of [/{id=}]'],
    ['/{id}x', 'Unexpected character at character 6 of [/{id}x]'],
    ['/a:', 'Expected a verb at character 4 of [/a:]'],
    ['/a:b:c', 'Unexpected character at character 5 of [/a:b:c]'],
    ['/a:b/c', 'Unexpected character at character 5 of [/a:b/c]'],
    ['/a\nb', 'Unexpected character at character 3 of [/a\nb]'],
  ] as const) {
    assert.is(problem({ path }), text)
  }
})

Rule('§rule-2, http-rule.H2: all problems of a method are told at once', () => {
  const { problems, routes } = rules({ selector: 'x', body: 'x', responseBody: 'x', path: '/{x}' })
  assert.is(problems.length, 4)
  assert.equal(routes, [])
})

Rule('§rule-4, template.T1: segments match one segment, of any length but over "/", on the whole path', () => {
  assert.equal(captured('/a/{id}', '/a/b'), ['b'])
  assert.equal(captured('/a/{id}', '/a/'), [''])
  assert.equal(captured('/a/{id}', '/a/b%2Fc'), ['b%2Fc'])
  assert.equal(captured('/a/{id}', '/a/urn:b:1'), ['urn:b:1'])
  assert.equal(captured('/a/{id}/c', '/a/urn:b:1/c'), ['urn:b:1'])
  for (const path of ['/a', '/a/b/c', 'x/a/b', '/A/b']) assert.is(captured('/a/{id}', path), undefined, path)
  assert.equal(captured('/a/*/b', '/a/anything/b'), [])
  assert.is(captured('/a/*/b', '/a/b'), undefined)
})

Rule('§rule-4: "**" matches the rest, and a variable captures its whole sub-path', () => {
  assert.equal(captured('/a/**', '/a/b/c:d'), [])
  assert.equal(captured('/a/{id=**}', '/a/b/c'), ['b/c'])
  assert.equal(captured('/a/{id=**}', '/a/'), [''])
  assert.equal(captured('/{id=a/*/c}/{amount}', '/a/b/c/7'), ['a/b/c', '7'])
  assert.is(captured('/{id=a/*/c}', '/a/b/x'), undefined)
  assert.equal(captured('/{id=a/**}', '/a/b/c/d'), ['a/b/c/d'])
})

Rule('§rule-4: a verb is part of the path, and what has none does not match one that has', () => {
  assert.equal(captured('/a/{id}:cancel', '/a/b:cancel'), ['b'])
  assert.is(captured('/a/{id}:cancel', '/a/b'), undefined)
  assert.equal(captured('/a/{id=**}:cancel', '/a/b/c:cancel'), ['b/c'])
})

Rule('§rule-3: literals mean themselves, whatever they mean in a pattern', () => {
  assert.equal(captured('/a.b+c(d)[e]?|^$\\', '/a.b+c(d)[e]?|^$\\'), [])
  assert.is(captured('/a.b', '/axb'), undefined)
})

Rule('§rule-3, template.T2: a template is bounded, in characters and in segments', () => {
  const long = `/${'a'.repeat(1_024)}`
  assert.is(problem({ path: long }), `The path [${long.slice(0, 64)}...] has 1025 characters; at most 1024 are allowed`)
  assert.equal(rules({ path: long.slice(0, 1_024) }).problems, [])
  assert.match(problem({ path: '/a'.repeat(33) }), /has 33 segments; at most 32 are allowed$/)
  assert.equal(rules({ path: '/a'.repeat(32) }).problems, [])
})

Rule('§rule-5, routes.R1: the last rule declared wins, of bindings, methods and services', () => {
  const get = (path: string): Partial<HttpRule> => ({ method: 'GET', path })
  const routes = served(['a', [get('/x/{id}'), get('/x/b')]], ['b', [get('/y/{id}'), get('/{id}/c')]])
  assert.is(found(routes, 'GET', '/x/b'), 'a.M1')
  assert.is(found(routes, 'GET', '/x/d'), 'a.M0')
  assert.is(found(routes, 'GET', '/x/c'), 'b.M1')
  assert.is(found(routes, 'GET', '/y/c'), 'b.M1')
  assert.is(found(served(['a', [get('/x/b'), get('/x/{id}')]]), 'GET', '/x/b'), 'a.M1')
})

Rule('routes.R2: routes without a literal first segment are found from anywhere', () => {
  const routes = served(['a', [{ path: '/**', method: { custom: '*' } }]])
  for (const path of ['/', '/a', '/a/b', '/__proto__/x']) assert.is(found(routes, 'BREW', path), 'a.M0')
})

Rule(
  '§rule-6, routes.R3: a known path with another method is told apart from an unknown path, with all that is allowed',
  () => {
    const routes = served([
      'a',
      [
        { method: 'GET', path: '/x/{id}' },
        { method: 'DELETE', path: '/x/{id}' },
      ],
    ])
    assert.is(found(routes, 'POST', '/x/b'), 'allow DELETE, GET')
    assert.is(found(routes, 'POST', '/y/b'), 'none')
    assert.is(found(routes, 'GET', ''), 'none')
    assert.is(found(routes, 'GET', '*'), 'none')
  },
)

Rule.run()
