// One program of the search again: `SEED=n node bench/fuel/replay.ts` prints its text, and how long a tick of it lasts.

import { assemble, type Compiler, compilers, measure } from './measure.ts'
import { programOf } from './program.ts'

const seed = Number(process.env['SEED'])
const { text, title } = programOf(seed)
const bytes = await assemble(text)
console.log(text)
for (const compiler of Object.keys(compilers) as Compiler[])
  console.log(`;; seed ${seed}, ${title}: ${measure(bytes, compiler, 20).toFixed(4)} ns a tick, ${compiler} compiler`)
