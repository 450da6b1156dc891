// Written: components written by hand, byte by byte, in which names are any text. Tools write only names that they like.
//
// Indices are counted here; what they point to is the caller's.

import { componentPreamble, componentSectionId as section } from '../../host/link/component.ts'
import { ByteWriter } from '../../host/wasm/bytes.ts'

type CoreSort = 'func' | 'table' | 'memory' | 'global'
const coreSorts: Readonly<Record<CoreSort, number>> = { func: 0, table: 1, memory: 2, global: 3 }
const instanceSort = 5
const funcSort = 1

export class Written {
  readonly #bytes = new ByteWriter(4_096)
  readonly #counts = new Map<string, number>()

  constructor() {
    this.#bytes.raw(componentPreamble)
  }

  finish(): Uint8Array {
    return this.#bytes.finish()
  }

  custom(name: string): void {
    this.#section(section.custom, (body) => body.name(name))
  }

  coreModule(bytes: Uint8Array): number {
    this.#section(section.coreModule, (body) => body.raw(bytes))
    return this.#next('core module')
  }

  coreInstantiate(module: number, args: readonly (readonly [name: string, instance: number])[] = []): number {
    this.#section(section.coreInstance, (body) => {
      body.u32(1)
      body.byte(0)
      body.u32(module)
      body.u32(args.length)
      for (const [name, instance] of args) {
        body.name(name)
        body.byte(0x12)
        body.u32(instance)
      }
    })
    return this.#next('core instance')
  }

  coreInstance(exports: readonly (readonly [name: string, sort: CoreSort, index: number])[]): number {
    this.#section(section.coreInstance, (body) => {
      body.u32(1)
      body.byte(1)
      body.u32(exports.length)
      for (const [name, sort, index] of exports) {
        body.name(name)
        body.byte(coreSorts[sort])
        body.u32(index)
      }
    })
    return this.#next('core instance')
  }

  coreAlias(sort: CoreSort, instance: number, name: string): number {
    this.#section(section.alias, (body) => {
      body.u32(1)
      body.byte(0)
      body.byte(coreSorts[sort])
      body.byte(1)
      body.u32(instance)
      body.name(name)
    })
    return this.#next(`core ${sort}`)
  }

  /** A function type without parameters and results. */
  funcType(): number {
    return this.#type(0x40, 0, 1, 0)
  }

  /** An instance type without exports. */
  instanceType(): number {
    return this.#type(0x42, 0)
  }

  lift(coreFunc: number, type: number, memory: number): number {
    this.#section(section.canonical, (body) => {
      body.u32(1)
      body.raw(Uint8Array.of(0, 0))
      body.u32(coreFunc)
      body.u32(2)
      body.byte(0)
      body.byte(3)
      body.u32(memory)
      body.u32(type)
    })
    return this.#next('func')
  }

  lower(func: number): number {
    this.#section(section.canonical, (body) => {
      body.u32(1)
      body.raw(Uint8Array.of(1, 0))
      body.u32(func)
      body.u32(0)
    })
    return this.#next('core func')
  }

  component(bytes: Uint8Array): number {
    this.#section(section.component, (body) => body.raw(bytes))
    return this.#next('component')
  }

  instantiate(component: number, args: readonly (readonly [name: string, instance: number])[]): number {
    this.#section(section.instance, (body) => {
      body.u32(1)
      body.byte(0)
      body.u32(component)
      body.u32(args.length)
      for (const [name, instance] of args) {
        body.name(name)
        body.byte(instanceSort)
        body.u32(instance)
      }
    })
    return this.#next('instance')
  }

  instance(exports: readonly (readonly [name: string, sort: 'func' | 'instance', index: number])[]): number {
    this.#section(section.instance, (body) => {
      body.u32(1)
      body.byte(1)
      body.u32(exports.length)
      for (const [name, sort, index] of exports) {
        body.byte(0)
        body.name(name)
        body.byte(sort === 'func' ? funcSort : instanceSort)
        body.u32(index)
      }
    })
    return this.#next('instance')
  }

  alias(sort: 'func' | 'instance', instance: number, name: string): number {
    this.#section(section.alias, (body) => {
      body.u32(1)
      body.byte(sort === 'func' ? funcSort : instanceSort)
      body.byte(0)
      body.u32(instance)
      body.name(name)
    })
    return this.#next(sort)
  }

  importInstance(name: string, type: number): number {
    this.#section(section.import, (body) => {
      body.u32(1)
      body.byte(0)
      body.name(name)
      body.byte(instanceSort)
      body.u32(type)
    })
    return this.#next('instance')
  }

  exportInstance(name: string, instance: number): number {
    this.#section(section.export, (body) => {
      body.u32(1)
      body.byte(0)
      body.name(name)
      body.byte(instanceSort)
      body.u32(instance)
      body.byte(0)
    })
    return this.#next('instance')
  }

  #type(...bytes: readonly number[]): number {
    this.#section(section.type, (body) => body.raw(Uint8Array.of(1, ...bytes)))
    return this.#next('type')
  }

  #section(id: number, write: (body: ByteWriter) => void): void {
    const body = new ByteWriter()
    write(body)
    const bytes = body.finish()
    this.#bytes.byte(id)
    this.#bytes.u32(bytes.length)
    this.#bytes.raw(bytes)
  }

  /** The index that comes next of a sort. */
  #next(sort: string): number {
    const index = this.#counts.get(sort) ?? 0
    this.#counts.set(sort, index + 1)
    return index
  }
}
