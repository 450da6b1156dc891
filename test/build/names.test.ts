// Guards the names that generated code has in C, Go, Swift and TypeScript: each is unique where it stands, and the same whatever else is built.

import { join } from 'node:path/posix'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { CNames } from '../../sdk/build/languages/c/names.ts'
import { generateGo } from '../../sdk/build/languages/go/code.ts'
import { goNames } from '../../sdk/build/languages/go/names.ts'
import { SwiftNames } from '../../sdk/build/languages/swift/names.ts'
import { generate } from '../../sdk/build/languages/typescript/code.ts'
import { namesOf, propertyNames, reserved } from '../../sdk/build/languages/typescript/names.ts'
import { protos } from '../support/protos.ts'

const Naming = suite('names')

const head = (name: string) => `syntax = "proto3"; ${name === '' ? '' : `package ${name};`}`

/** The schema of these files, by name, and the files in the order that is given. */
async function filesOf(texts: Readonly<Record<string, string>>) {
  const { schema } = await protos(texts)
  return { schema, files: Object.keys(texts).map((name) => schema.files.get(name)!) }
}

Naming('c/names.C3: in C a name begins with the last part of its package that is no version', async () => {
  const shop = `${head('big.shop.v1')} message AddItem { message Part {} } message AddItem_Part {}`
  const alone = await filesOf({ 'shop.proto': shop })
  const names = new CNames(alone.schema, alone.files)
  assert.is(names.of('big.shop.v1.AddItem'), 'shop_add_item')
  // The first has the name, the next one an underscore more.
  assert.equal([names.of('big.shop.v1.AddItem.Part'), names.of('big.shop.v1.AddItem_Part')].sort(), [
    'shop_add_item_part',
    'shop_add_item_part_',
  ])
  const both = await filesOf({ 'shop.proto': shop, 'other.proto': `${head('small.shop.v2beta1')} message AddItem {}` })
  const more = new CNames(both.schema, both.files)
  assert.equal(
    [more.of('big.shop.v1.AddItem'), more.of('small.shop.v2beta1.AddItem')],
    ['big_shop_v1_add_item', 'small_shop_v2beta1_add_item'],
  )
})

Naming('c/names.C3: in C no name is a word of C or C++', async () => {
  const { schema, files } = await filesOf({
    'bare.proto': `${head('')} message Struct {} message Class {} message Own {}`,
  })
  const names = new CNames(schema, files)
  assert.equal(
    ['Struct', 'Class', 'Own'].map((name) => names.of(name)),
    ['struct_', 'class_', 'own'],
  )
})

Naming('go/names.N1: in Go a name that a later file has again begins with its package', async () => {
  const { schema, files } = await filesOf({
    'a.proto': `${head('test.names.v1')} message Order {} message Cart {}`,
    'b.proto': `${head('test.other.stock')} message Order {} message Shelf {}`,
  })
  const names = goNames(schema, files, [])
  assert.equal(
    ['test.names.v1.Order', 'test.names.v1.Cart', 'test.other.stock.Order', 'test.other.stock.Shelf'].map((name) =>
      names.get(name),
    ),
    ['Order', 'Cart', 'StockOrder', 'Shelf'],
  )
})

Naming('go/code.O3: Go code has the names and shapes of protoc-gen-go', async () => {
  const { schema } = await protos({
    'a.proto': `${head('test.names.v1')}
      enum Colour { COLOUR_NONE = 0; }
      message Outer {
        message inner_part {}
        enum Kind { NONE = 0; }
        Kind kind = 1;
        optional int32 maybe_count = 2;
        repeated inner_part parts = 3;
        map<string, int64> by_name = 4;
        oneof some_choice { string a_text = 5; inner_part _part = 6; }
      }
      service Names { rpc Do(Outer) returns (Outer); }`,
  })
  const [{ path, text }, ...others] = generateGo(schema, ['a.proto'], 'gen') as [{ path: string; text: string }]
  assert.equal([path, others], ['a_proto.go', []])
  const spaced = text.replace(/ +/g, ' ')
  for (const shape of [
    'type Colour int32',
    'Colour_COLOUR_NONE Colour = 0',
    'type Outer_Kind int32',
    'Outer_NONE Outer_Kind = 0',
    'type Outer struct {',
    'type OuterInnerPart struct{}',
    'Kind Outer_Kind\n',
    'MaybeCount *int32\n',
    'Parts []*OuterInnerPart\n',
    'ByName map[string]int64\n',
    'SomeChoice isOuter_SomeChoice\n',
    'type Outer_AText struct{ AText string }',
    'type Outer_XPart struct{ XPart *OuterInnerPart }',
    'func (m *Outer) GetMaybeCount() int32',
    'func (m *Outer) GetAText() string',
    'func (m *Outer) GetSomeChoice() isOuter_SomeChoice',
  ])
    assert.ok(spaced.includes(shape), `${shape} is not in it`)
})

Naming(
  'swift/names.C1: in Swift the types of built files have their names first, and others that of their package',
  async () => {
    const { schema, files } = await filesOf({
      'imported.proto': `${head('google.own')} message Moment { message Part {} } message Only {} message String {}`,
      'built.proto': `${head('test.v1')} message TestV1_Moment_Part {} message Moment { message Part {} } message Moment_Part {}`,
    })
    const names = new SwiftNames(schema, files, ['built.proto'])
    assert.equal(
      ['test.v1.Moment', 'google.own.Moment', 'google.own.Only', 'google.own.String'].map((name) => names.of(name)),
      ['Moment', 'GoogleOwn_Moment', 'Only', 'GoogleOwn_String'],
    )
    const parts = ['test.v1.Moment.Part', 'test.v1.Moment_Part', 'test.v1.TestV1_Moment_Part', 'google.own.Moment.Part']
    const named = parts.map((name) => names.of(name))
    assert.ok(named.includes('Moment_Part'))
    assert.is(new Set(named).size, parts.length)
  },
)

Naming(
  'typescript/names.N1: in TypeScript every name is a legal identifier, and the only one of its kind where it stands',
  async () => {
    const { schema, files } = await filesOf({
      'bare.proto': `${head('')} message class {} message Map {} message Number {} message await {} enum string { NONE = 0; }`,
      'test/names.proto': `${head('test.names.v1')}
      message A { message B { message C {} } message B_C {} }
      message A_B { message C {} }
      message A_B_C {}
      message Fields {
        string foo_bar = 1; string constructor = 4; string to_string = 5; string __proto__ = 6; string _ = 7; string default = 8;
        oneof fooBar { string text = 9; } oneof foo_Bar { string other = 10; } oneof has_own_property { string more = 11; }
      }`,
    })
    const names = namesOf(schema)
    for (const file of files) {
      const all = file.symbols
        .filter((symbol) => schema.messages.has(symbol) || schema.enums.has(symbol))
        .map((symbol) => names.nameOf(symbol))
      assert.is(new Set(all).size, all.length, all.join())
      assert.ok(all.length > 4)
      for (const name of all)
        assert.not.throws(() => new Function(`'use strict'; class ${name} {}; let x_${name}`), name)
      for (const name of all)
        assert.not.ok(['Map', 'class', 'await', 'string'].includes(name) && reserved.has(name), name)
    }
    const ofC = ['A.B.C', 'A.B_C', 'A_B.C', 'A_B_C'].map((name) => names.nameOf(`test.names.v1.${name}`))
    assert.equal([...ofC].sort(), ['A_B_C', 'A_B_C$', 'A_B_C$$', 'A_B_C$$$'])
    const properties = [...propertyNames(schema.messages.get('test.names.v1.Fields')!).values()]
    assert.is(new Set(properties).size, 9, properties.join())
    for (const property of properties) {
      assert.match(property, /^[A-Za-z_$][\w$]*$/)
      assert.not.ok(property in {}, property)
    }
  },
)

Naming(
  'typescript/names.N2: a module of TypeScript has the path of its .proto, and finds others from there',
  async () => {
    const { schema } = await protos({
      'orders/v1/orders.proto': `${head('orders.v1')} import "common/money.proto"; import "orders/v1/line.proto"; import "top.proto";
      message Order { common.Money total = 1; Line line = 2; top.Top top = 3; } service Orders { rpc Do(Order) returns (Order); }`,
      'orders/v1/line.proto': `${head('orders.v1')} message Line {}`,
      'common/money.proto': `${head('common')} message Money {}`,
      'top.proto': `${head('top')} message Top {}`,
    })
    const modules = new Map(generate(schema, ['orders/v1/orders.proto']).map(({ path, text }) => [path, text]))
    const paths = ['common/money.ts', 'orders/v1/line.ts', 'orders/v1/orders.ts', 'top.ts']
    assert.equal([...modules.keys()].sort(), paths)
    const from = [...modules.get('orders/v1/orders.ts')!.matchAll(/from '(\..*)'/g)].map(([, path]) => path!)
    const reached = new Set(from.map((path) => join('orders/v1', path)))
    assert.equal([...reached].sort(), ['common/money.ts', 'orders/v1/line.ts', 'top.ts'])
  },
)

Naming.run()
