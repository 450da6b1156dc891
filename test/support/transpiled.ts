// Components of kinds that the host does not call yet: linked by jco, called as JavaScript. For tests of what QuickJS answers.
import { transpile } from '@bytecodealliance/jco'

type Exports = Readonly<Record<string, unknown>>

/** The exports of a component, under the short names of its interfaces. */
export async function transpiled<T>(component: Uint8Array, name: string): Promise<T> {
  const { files } = await transpile(component, { name, instantiation: 'sync', base64Cutoff: 0 })
  const text = files[`${name}.js`]!
  const module = (await import(`data:text/javascript;base64,${Buffer.from(text).toString('base64')}`)) as {
    instantiate(core: (file: string) => WebAssembly.Module, imports: object): Exports
  }
  return module.instantiate((file) => new WebAssembly.Module(files[file] as Uint8Array<ArrayBuffer>), {}) as T
}
