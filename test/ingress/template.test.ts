// Guards templates: what two of them have in common is what the matcher finds, for all small templates on all small paths; and the
// tree of routes finds what a list of them, tried in order, would.

import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { overlapsIn, RuleIndex, routeRelation, rulesOf } from '../../host/ingress/http/overlaps.ts'
import { Routes } from '../../host/ingress/http/routes.ts'
import type { Route } from '../../host/schema/http-rule.ts'
import type { HttpRule, MethodType } from '../../host/schema/schema.ts'
import type { Template } from '../../host/schema/template.ts'
import { capture, common, parseTemplate, relation } from '../../host/schema/template.ts'
import type { Directory, Service } from '../../host/services.ts'
import { protos } from '../support/protos.ts'

const { schema } = await protos({
  'one.proto': `syntax = "proto3"; package one.v1;
    service One { rpc Do(In) returns (In); } message In { string id = 1; string b = 2; string c = 3; }`,
})
const plain = schema.services.get('one.v1.One')!.methods.get('Do')!

/** All lists of at most `max` of these. */
function lists<T>(items: readonly T[], max: number): readonly (readonly T[])[] {
  if (max === 0) return [[]]
  const shorter = lists(items, max - 1)
  const longest = shorter.filter((list) => list.length === max - 1)
  return [...shorter, ...longest.flatMap((list) => items.map((item) => [...list, item]))]
}

function parsed(path: string): Template {
  return parseTemplate(path, (problem) => assert.unreachable(problem))!
}

/** The semantics of §rule-4, written down another way. */
function pattern({ segments, rest, verb }: Template): RegExp {
  const parts = segments.map((literal) => (literal === undefined ? '[^/]*' : RegExp.escape(literal)))
  const tail = verb === undefined ? '' : `:${RegExp.escape(verb)}`
  return new RegExp(`^${[...parts, ...(rest ? ['.*'] : [])].map((part) => `/${part}`).join('')}${tail}$`)
}

const paths = lists(['a', 'b', '*'], 3).flatMap((segments) => {
  const whole = segments.map((segment) => `/${segment}`).join('')
  const shapes = segments.length < 3 ? [whole, `${whole}/**`] : [whole]
  return shapes.filter((path) => path !== '').flatMap((path) => [path, `${path}:v`, `${path}:w`])
})
const templates = paths.map((path) => ({ path, template: parsed(path) }))
/** `c` is in no template, so that a wildcard means more than any literal. */
const requests = lists(['', 'a', 'b', 'c'], 4).flatMap((segments) => {
  const path = segments.map((segment) => `/${segment}`).join('')
  return [path, `${path}:v`, `${path}:w`, `${path}:u`, `${path}:u:v`, `${path}:v/c`, `${path}:v/c:w`, `${path}:`]
})

function routesOf(...all: readonly (readonly [path: string, httpMethod: HttpRule['method']])[]): Routes {
  const methods = all.map(([path, method], index): [string, MethodType] => {
    const http = { selector: '', method, path, body: '', responseBody: '', additional: [] }
    return [`M${index}`, { ...plain, name: `M${index}`, http }]
  })
  const service = { name: 's', type: { fullName: 's', methods: new Map(methods) } } as unknown as Service
  return new Routes({ unserved: new Map(), services: new Map([['s', service]]) })
}

const Templates = suite('templates')

Templates('template.T3: what two of them have in common is exactly what the matcher finds', () => {
  assert.is(templates.length, 156)
  const meant = templates.map(({ path, template }) => {
    const routes = routesOf([path, 'GET'])
    // What has the look of a verb is a rule's that has one, or of one that takes all.
    const theirs = (request: string) =>
      template.verb !== undefined || template.rest || !request.slice(request.lastIndexOf('/')).includes(':')
    return requests.map((request) => {
      const found = routes.find('GET', request).kind === 'route'
      assert.is(capture(template, request) !== undefined, found, `${path} on ${request}`)
      assert.is(pattern(template).test(request), found, `${path} on ${request}`)
      return found && theirs(request)
    })
  })
  const counts: Record<string, number> = {}
  for (const [at, a] of templates.entries()) {
    for (const [other, b] of templates.entries()) {
      const [left, right] = [meant[at]!, meant[other]!]
      const both = left.some((means, index) => means && right[index])
      const over = right.every((means, index) => !means || left[index])
      const under = left.every((means, index) => !means || right[index])
      const expected = !both ? 'apart' : over ? (under ? 'same' : 'covers') : under ? 'within' : 'partly'
      assert.is(relation(a.template, b.template), expected, `${a.path} and ${b.path}`)
      counts[expected] = (counts[expected] ?? 0) + 1
      if (!both) continue
      const example = common(a.template, b.template)
      for (const each of [a, b])
        assert.ok(capture(each.template, example), `${each.path} means ${example}, of ${a.path} and ${b.path}`)
    }
  }
  // Each of them occurs, or nothing was compared.
  assert.equal(Object.keys(counts).sort(), ['apart', 'covers', 'partly', 'same', 'within'])
  assert.is(counts['same'], templates.length)
})

Templates('names of variables, and where they end, make no difference', () => {
  for (const [one, other] of [
    ['/a/{id}', '/a/*'],
    ['/{id=a/*}/b', '/a/{b}/b'],
    ['/{id=**}', '/**'],
    ['/{id=a/**}:v', '/a/{b=**}:v'],
  ] as const)
    assert.is(relation(parsed(one), parsed(other)), 'same', one)
})

Templates('template.T1: a path is what was sent: escapes and case are not undone', () => {
  for (const [one, other] of [
    ['/a%2Fb', '/a/b'],
    ['/%61', '/a'],
    ['/A', '/a'],
    ['/a%2f', '/a%2F'],
    ['/a:v', '/a%3Av'],
  ] as const)
    assert.is(relation(parsed(one), parsed(other)), 'apart', one)
  assert.is(relation(parsed('/a/*'), parsed('/a/b%2Fc')), 'covers')
})

Templates('HTTP methods count: any method covers each, and covers only what it means the same of', () => {
  const route = (httpMethod: string, path: string) => ({ httpMethod, path, template: parsed(path) }) as unknown as Route
  for (const [a, b, expected] of [
    [['GET', '/a'], ['POST', '/a'], 'apart'],
    [['GET', '/a'], ['GET', '/a'], 'same'],
    [['*', '/a'], ['GET', '/a'], 'covers'],
    [['GET', '/a'], ['*', '/a'], 'within'],
    [['*', '/a'], ['*', '/a'], 'same'],
    [['*', '/a'], ['GET', '/*'], 'partly'],
    [['*', '/*'], ['GET', '/a'], 'covers'],
    [['GET', '/*'], ['*', '/a'], 'partly'],
    [['GET', '/a'], ['*', '/*'], 'within'],
    [['*', '/a'], ['GET', '/b'], 'apart'],
  ] as const)
    assert.is(routeRelation(route(a[0], a[1]), route(b[0], b[1])), expected, `${a} and ${b}`)
})

/** Numbers that look random and are the same in every run. */
function numbers(seed: number): (below: number) => number {
  let state = seed
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return Math.floor((state / 2 ** 32) * below)
  }
}

Templates(
  'routes.R1: the tree finds what a list would, tried from the last rule to the first, those with a verb before the others',
  () => {
    const next = numbers(7)
    const httpMethods = ['GET', 'POST', { custom: '*' }] as const
    const kinds = new Set<string>()
    for (let round = 0; round < 60; round++) {
      const rules = Array.from({ length: 1 + next(40) }, () => {
        let path = templates[next(templates.length)]!.path
        for (const name of ['id', 'b']) if (next(2) === 0) path = path.replace(/\/(\*\*?)(?=\/|:|$)/, `/{${name}=$1}`)
        return [path, httpMethods[next(3)]!] as const
      })
      const routes = routesOf(...rules)
      const list = rules
        .map(([path, method], index) => {
          const template = parsed(path)
          return { name: `M${index}`, method: typeof method === 'string' ? method : '*', template }
        })
        .reverse()
      for (let turn = 0; turn < 300; turn++) {
        const request = requests[next(requests.length)]!
        const matching = list.filter(({ template }) => pattern(template).test(request))
        const taking = matching.filter(({ method }) => method === 'GET' || method === '*')
        const wins = taking.find(({ template }) => template.verb !== undefined) ?? taking[0]
        const found = routes.find('GET', request)
        kinds.add(found.kind)
        const where = `${request} of ${rules.map(([path]) => path)}`
        if (found.kind === 'route') {
          assert.is(found.route.method.name, wins?.name, where)
          assert.equal(found.captured, capture(wins!.template, request), where)
        } else if (found.kind === 'wrong_method') {
          assert.is(wins, undefined, where)
          assert.equal(found.allow, [...new Set(matching.map(({ method }) => method))].sort(), where)
        } else assert.is(matching.length, 0, where)
      }
    }
    assert.is(kinds.size, 3)
  },
)

Templates('routes.R2: a request looks at as much beside ten thousand rules as beside ten', () => {
  const many = (count: number) =>
    routesOf(
      ...Array.from({ length: count }, (_, index) => [`/a/${index}/{id}/x`, 'GET'] as const),
      ...Array.from({ length: count }, (_, index) => [`/s${index}/{id}`, 'GET'] as const),
      ['/last/{id=**}:v', 'GET'],
    )
  const [few, lots] = [many(10), many(5_000)]
  for (const path of ['/a/7/b/x', '/s3/b', '/last/b/c:v', '/nowhere/at/all', `/${'x/'.repeat(8_000)}`]) {
    assert.is(lots.find('GET', path).kind, few.find('GET', path).kind)
    assert.is(lots.lookedAt, few.lookedAt, path)
    assert.ok(lots.lookedAt <= 8, `${path}: ${lots.lookedAt}`)
  }
})

/** A service of its own component, with a rule for each path. */
function serviceOf(name: string, deployment: number, paths: readonly string[]): Service {
  const methods = paths.map((path, index): [string, MethodType] => {
    const http = { selector: '', method: 'GET', path, body: '', responseBody: '', additional: [] } as const
    return [`M${index}`, { ...plain, name: `M${index}`, http }]
  })
  return {
    name,
    deployment,
    place: deployment,
    type: { fullName: name, methods: new Map(methods) },
  } as unknown as Service
}

const directoryOf = (...services: readonly Service[]): Directory => ({
  unserved: new Map(),
  services: new Map(services.map((service) => [service.name, service])),
})
const many = (count: number, path: (index: number) => string) =>
  Array.from({ length: count }, (_, index) => path(index))

Templates('overlaps.O2: of a service with many overlaps some are told, and that there are more', async () => {
  const told = async (count: number) => {
    const [a, b] = [many(count, (index) => `/{id}/a${index}`), many(count, (index) => `/b${index}/{id}`)]
    return await overlapsIn(directoryOf(serviceOf('a', 1, a), serviceOf('b', 2, b), serviceOf('c', 3, ['/c/c/{id}'])))
  }
  const few = await told(4)
  assert.equal([few.get('a')!.length, few.get('b')!.length, few.get('c')!.length], [16, 16, 0])
  const all = await told(100)
  for (const name of ['a', 'b']) {
    const sentences = all.get(name)!
    assert.is(sentences.length, 21)
    assert.is(sentences.at(-1), 'and more routes of it overlap')
    assert.is(new Set(sentences).size, 21)
  }
})

Templates('overlaps.O2: at most a hundred rules are compared at once, and the loop has turns between', async () => {
  const paths = many(1_000, (index) => `/{id}/a${index}`)
  const service = serviceOf('a', 1, paths)
  const routes = rulesOf(service)
  const index = new RuleIndex(routes)
  let compared = 0
  let most = 0
  let steps = 0
  let before = 0
  const everything = { ...routes[0]!, template: parsed('/**') }
  for (const _ of index.overlaps(everything, () => ++compared > 0)) {
    most = Math.max(most, compared - before)
    before = compared
    steps += 1
  }
  assert.equal([compared, steps], [1_000, 11])
  assert.ok(most <= 100, `${most} at once`)
  let turns = 0
  let over = false
  const count = () => {
    turns += 1
    if (!over) setImmediate(count)
  }
  setImmediate(count)
  await overlapsIn(directoryOf(service))
  over = true
  // A million comparisons.
  assert.ok(turns > 100, `${turns} turns`)
})

Templates.run()
