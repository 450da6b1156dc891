// The part of the WebAssembly JavaScript interface that the host uses. Node's types leave it to lib.dom, which would bring
// a browser's names along.

declare namespace WebAssembly {
  type ImportValue = ExportValue | ((...parameters: number[]) => number | undefined)
  type ExportValue = Memory | Table | Global | ((...parameters: never[]) => unknown)

  class Module {
    constructor(bytes: Uint8Array)
    static imports(module: Module): { readonly module: string; readonly name: string; readonly kind: string }[]
    static exports(module: Module): { readonly name: string; readonly kind: string }[]
  }

  /** In threads of the engine's. */
  function compile(bytes: Uint8Array): Promise<Module>

  class Instance {
    constructor(module: Module, imports?: Readonly<Record<string, Readonly<Record<string, ImportValue>>>>)
    readonly exports: Readonly<Record<string, ExportValue>>
  }

  class Memory {
    constructor(descriptor: { readonly initial: number; readonly maximum?: number })
    readonly buffer: ArrayBuffer
  }

  class Table {
    readonly length: number
  }

  class Global {
    constructor(descriptor: { readonly value: 'i32'; readonly mutable: true }, value: number)
    constructor(descriptor: { readonly value: 'i64'; readonly mutable: true }, value: bigint)
    value: unknown
  }

  class RuntimeError extends Error {}
  class CompileError extends Error {}
  class LinkError extends Error {}

  function validate(bytes: Uint8Array): boolean
}
