// A host on virtual time whose clock may be set, and what outlives it: for what it does by the clock.

import pino from 'pino'
import * as assert from 'uvu/assert'
import type { Answer } from '../../host/command.ts'
import { loadConfig } from '../../host/config.ts'
import { Core } from '../../host/core.ts'
import { noMetadata } from '../../host/metadata.ts'
import { MemoryKv, memoryStore } from '../../host/store/memory.ts'
import { linked } from './linked.ts'
import { said, script } from './scripted.ts'
import { partitions } from './store.ts'
import { type Life, VirtualTime } from './virtual.ts'

export class TimedHost {
  readonly time = new VirtualTime(() => 0)
  readonly kv = new MemoryKv()
  /** What the wall clock is ahead of the steady one. */
  aheadMs = 0
  core!: Core
  private life: Life | undefined
  private readonly flags: Record<string, string>
  private calls = 0

  constructor(flags: Record<string, string> = {}) {
    this.flags = flags
  }

  async start(): Promise<void> {
    const life = this.time.life()
    const clock = Object.create(life, { now: { value: () => life.now() + this.aheadMs } }) as Life
    const ids = { directory: '0123456789abcdef0123456789abcdef', replica: 'replica', run: () => 'run' }
    const store = memoryStore(partitions, { kv: this.kv, clock, ids })
    const flags = { scrub: 'off', 'batch-ms': '60000', 'throttled-percent-max': '100', ...this.flags }
    const { config } = loadConfig({ flags, env: {}, directory: '/nowhere' })
    this.life = life
    this.core = new Core(config, { clock, link: linked, store }, store, pino({ level: 'silent' }))
    await this.until(this.core.restore())
    this.core.ready()
  }

  /** Nothing of it is heard of any more. */
  crash(): void {
    this.life?.end()
  }

  get nowMs(): number {
    return this.life!.now() + this.aheadMs
  }

  async deploy(bytes: Uint8Array): Promise<void> {
    const result = await this.tryDeploy(bytes)
    assert.ok(result.ok, JSON.stringify(result))
  }

  tryDeploy(bytes: Uint8Array) {
    return this.until(this.core.deployer.deploy(bytes))
  }

  async pass(ms: number): Promise<void> {
    await this.time.run(this.time.nowMs + ms)
  }

  /** Sent, and not waited for. */
  send(service: string, id: string, code: string, more: { readonly key?: string; readonly deadlineMs?: number } = {}) {
    const answered: { now: Answer | undefined } = { now: undefined }
    this.core.dispatch(
      {
        ...{ service, method: 'Do', payload: script(id, code), metadata: noMetadata, idempotencyKey: more.key },
        ...{ hops: 0, effect: undefined, requestId: `r${++this.calls}` },
        deadlineMs: more.deadlineMs ?? Number.POSITIVE_INFINITY,
      },
      (answer) => {
        answered.now = answer
      },
    )
    return answered
  }

  async answer(
    service: string,
    id: string,
    code: string,
    more: { readonly key?: string; readonly deadlineMs?: number } = {},
  ): Promise<Answer> {
    const answered = this.send(service, id, code, more)
    await this.time.run(Number.POSITIVE_INFINITY, () => answered.now !== undefined)
    return answered.now!
  }

  /** The reply's text. */
  async call(service: string, id: string, code: string, more: { readonly key?: string } = {}): Promise<string> {
    const answer = await this.answer(service, id, code, more)
    assert.is(answer.kind, 'reply', JSON.stringify(answer))
    return textOf(answer)
  }

  async until<T>(promise: Promise<T>): Promise<T> {
    let over = false
    const ended = promise.finally(() => {
      over = true
    })
    await this.time.run(Number.POSITIVE_INFINITY, () => over)
    return await ended
  }
}

/** What an answer says, in few words. */
export function textOf(answer: Answer | undefined): string {
  if (answer === undefined) return 'nothing yet'
  if (answer.kind === 'reply') return said(answer.payload)
  return answer.kind === 'refusal'
    ? `refused ${answer.failure.code} ${answer.failure.message}`
    : `${answer.error.code} ${answer.error.message}`
}
