// Pipe: one stream of pipelined commands, between the protocol that brings its frames and the door.
//
//   frame ──▶ line ──▶ handed over ──▶ answered ──▶ gathered ──▶ one frame
//
// P1. Commands are handed over in the order of their frames, whatever becomes of them. Where there is no room for one, it and those behind it wait
//     (pipes.ts): none is refused for want of room (§pipelined-4).
// P2. No more than `pipelinedCommandsMax` commands and `pipelinedBytesMax` bytes of frames are here. A client that sends more is cut.
// P3. The bytes of a frame count until its last command is answered: as long as a command waits, the frame is in memory.
// P4. What is answered in one go, as a commit's commands are, leaves in one frame, or in several of about `answersBytes`.
// P5. One turn of the loop reads JSON of `soonBytesMax` at most.
// P6. After its end nothing leaves; what was handed over is decided all the same (§call-7).
//
// Owns: a stream's credits, order and answers.   grpc/commands.ts and http/websocket.ts own: how frames travel.   door.ts owns: the commands.

import type { Answer } from '../../command.ts'
import type { Commits } from '../../commits.ts'
import { guestFailed, InnkeeperError } from '../../errors.ts'
import type { Flow } from '../../in-flight.ts'
import type { Metadata } from '../../metadata.ts'
import { metadataBytes, noMetadata } from '../../metadata.ts'
import { WireError } from '../../schema/wire.ts'
import { soonBytesMax } from '../../transcode/soon.ts'
import type { IngressContext } from '../context.ts'
import type { Door } from '../door.ts'
import type { Gathering, Hello, Id } from './frames.ts'
import { AnswerBytes, readFrame, TooMany, version } from './frames.ts'
import type { Origin } from './piped.ts'
import { Piped, type Piping } from './piped.ts'
import { requestOf } from './request.ts'
import { AnswerText, frameOf } from './text.ts'

/** The client's side, as a protocol implements it. */
export interface PipeWire {
  send(answers: Uint8Array, text: boolean): void
  /** The last call. Undefined: the client has sent all, and has all answers. */
  end(error: InnkeeperError | undefined): void
}

/** What a pipe needs of all pipes (pipes.ts). */
export interface PipeHost {
  readonly context: IngressContext
  readonly door: Door
  /** There is no room for the first of its line: `Pipe.run` is called again. */
  waits(pipe: Pipe): void
  /** Answers left: there may be room now. */
  answered(): void
  over(pipe: Pipe): void
}

interface PipeParts {
  readonly host: PipeHost
  readonly wire: PipeWire
  readonly requestId: string
  readonly client: string
  readonly begin: (cut: (error: InnkeeperError) => void) => Flow
}

/** A frame of answers is sent when it has so many bytes; gRPC's clients read no message of more than 4 MiB. */
const answersBytes = 256 * 1024
/** What a command takes besides its bytes. */
const commandBytes = 512

export class Pipe implements Piping {
  readonly requestId: string
  readonly client: string
  metadata: Metadata = noMetadata
  private readonly host: PipeHost
  private readonly wire: PipeWire
  private readonly flow: Flow
  private gathering: Gathering | undefined
  private text = false
  /** Commands without an answer. */
  private readonly open = new Map<Id, Piped>()
  /** Bytes of their frames. */
  private bytes = 0
  /** Those that were not handed over, from `head` on. */
  private line: Piped[] = []
  private head = 0
  /** The line is not run from here: for room, or for the next turn of the loop. */
  private waiting = false
  private armed = false
  private state: 'open' | 'closing' | 'over' = 'open'
  /** What it ends with once all is answered. */
  private last: InnkeeperError | undefined

  constructor({ host, wire, requestId, client, begin }: PipeParts) {
    this.host = host
    this.wire = wire
    this.requestId = requestId
    this.client = client
    this.flow = begin((error) => this.fail(error))
  }

  // What the client does.

  /** A frame is here. `text`: in its JSON form. */
  came(message: Buffer, text: boolean): void {
    if (this.state !== 'open') return
    try {
      this.take(text ? frameOf(message) : message, message.length, text)
    } catch (thrown) {
      this.fail(this.failureOf(thrown))
    }
  }

  /** The client has sent all. */
  halfClose(): void {
    if (this.state !== 'open') return
    this.state = 'closing'
    this.endSoon()
  }

  /** The client is gone. */
  gone(): void {
    this.finish()
  }

  // What the host does.

  /** It stops: takes no more, and ends when all that was handed over is answered. What was not has no answer, and can be repeated. */
  drain(): void {
    if (this.state === 'over') return
    this.state = 'closing'
    this.last = new InnkeeperError('stopping', 'the host is stopping; connect again, and repeat what has no answer')
    for (const command of this.line.slice(this.head)) if (!command.over) this.forget(command)
    this.line = []
    this.head = 0
    this.endSoon()
  }

  fail(error: InnkeeperError): void {
    if (this.state === 'over') return
    this.send()
    this.finish()
    this.wire.end(error)
  }

  /** Hands over what it can of the line. */
  run(): void {
    this.waiting = false
    let jsonBytes = 0
    while (this.head < this.line.length) {
      const next = this.line[this.head]!
      if (!next.over) {
        const size = next.json?.length ?? 0
        if (jsonBytes > 0 && jsonBytes + size > soonBytesMax) {
          this.waiting = true
          setImmediate(() => this.run())
          return
        }
        jsonBytes += size
        if (!this.hand(next)) {
          this.waiting = true
          this.host.waits(this)
          return
        }
      }
      this.head += 1
    }
    this.line = []
    this.head = 0
  }

  /** Those of the line whose time is over. */
  expire(nowMs: number): void {
    for (let at = this.head; at < this.line.length; at++) {
      const command = this.line[at]!
      if (command.over || command.deadlineMs > nowMs) continue
      const message = 'no room for the command came before its deadline; it was not decided'
      this.refuse(command, new InnkeeperError('deadline_exceeded', message))
    }
  }

  answered(command: Piped, answer: Answer): void {
    if (this.state === 'over' || command.over) return
    const { id } = command
    const { commits } = answer
    const gathering = this.gathering!
    if (answer.kind === 'error') gathering.failed(id, answer.error, commits)
    else if (answer.kind === 'refusal')
      gathering.refused(id, answer.failure, answer.metadata, command.target!.schema, commits)
    else if (command.json === undefined) gathering.payload(id, answer.payload, answer.metadata, commits)
    else {
      this.replyJson(command, answer.payload, answer.metadata, commits)
      return
    }
    this.settle(command)
  }

  private take(bytes: Buffer, size: number, text: boolean): void {
    const { context } = this.host
    const { pipelinedCommandsMax, pipelinedBytesMax } = context.limits
    const frame = readFrame(bytes, pipelinedCommandsMax - this.open.size, () => new Piped(this))
    if (frame.hello !== undefined) this.greet(frame.hello, text)
    else if (this.gathering === undefined) throw new InnkeeperError('bad_request', 'the first frame has no hello')
    const { commands } = frame
    if (commands.length === 0) return
    if (this.bytes + size > pipelinedBytesMax) throw tooMuch(`${pipelinedBytesMax} bytes of commands`)
    const nowMs = context.clock.now()
    const origin: Origin = { bytes: size, left: commands.length, cameMs: performance.now(), nowMs }
    this.bytes += size
    for (const command of commands) {
      command.origin = origin
      command.deadlineMs = nowMs + (command.waitMs === 0 ? context.deadlineMs : command.waitMs)
      this.enter(command)
    }
    if (this.count() && !this.waiting) this.run()
  }

  private enter(command: Piped): void {
    const { id } = command
    if (!this.open.has(id)) {
      this.open.set(id, command)
      this.line.push(command)
      return
    }
    const message = `the id ${id} is in flight; a command needs one that no other command without an answer has`
    this.gathering!.failed(id, new InnkeeperError('id_in_flight', message))
    this.left(command)
    this.arm()
  }

  private greet({ version: given, metadata }: Hello, text: boolean): void {
    if (this.gathering !== undefined) throw new InnkeeperError('bad_request', 'only the first frame has a hello')
    if (given !== version)
      throw new InnkeeperError('bad_request', `this host speaks version ${version} of the frames, not ${given}`)
    const { metadataBytesMax, pipelinedCommandsMax, pipelinedBytesMax } = this.host.context.limits
    if (metadataBytes(metadata) > metadataBytesMax)
      throw new InnkeeperError(
        'metadata_too_large',
        `the metadata of a hello may have at most ${metadataBytesMax} bytes`,
      )
    this.metadata = metadata
    this.text = text
    this.gathering = text ? new AnswerText() : new AnswerBytes()
    this.gathering.welcome(pipelinedCommandsMax, pipelinedBytesMax)
    this.arm()
  }

  /** False: there is no room for it now. */
  private hand(command: Piped): boolean {
    const { door } = this.host
    try {
      door.checkReady()
      const payload = requestOf(this.host.context, command)
      command.draft ??= door.admit(command)
      return door.offer(command.draft, payload, command)
    } catch (thrown) {
      this.refuse(command, door.failure(thrown, command.requestId, command))
      return true
    }
  }

  private replyJson(command: Piped, payload: Uint8Array, metadata: Metadata, commits: Commits | undefined): void {
    const { transcoder } = this.host.context
    const { target, type, id } = command
    const give = (json: string | Uint8Array) => {
      if (command.over || this.state === 'over') return
      this.gathering!.json(id, typeof json === 'string' ? json : Buffer.from(json).toString('utf8'), metadata, commits)
      this.settle(command)
    }
    try {
      const made = transcoder.message(command.service, target!.schema, type!.output, payload)
      if (!(made instanceof Promise)) {
        give(made)
        return
      }
      this.flow.owes(payload.length)
      made
        .finally(() => this.flow.owes(-payload.length))
        .then(give)
        .catch((error: unknown) => this.notMade(command, error))
    } catch (error) {
      this.notMade(command, error)
    }
  }

  private notMade(command: Piped, thrown: unknown): void {
    const { door, context } = this.host
    if (!(thrown instanceof WireError)) {
      this.refuse(command, door.failure(thrown, command.requestId, command))
      return
    }
    const { requestId, service } = command
    context.log.error({ requestId, service, err: thrown }, 'a reply is not its message')
    this.refuse(command, guestFailed(requestId))
  }

  private refuse(command: Piped, error: InnkeeperError): void {
    if (command.over || this.state === 'over') return
    this.gathering!.failed(command.id, error)
    this.settle(command)
  }

  /** It has its answer. */
  private settle(command: Piped): void {
    this.forget(command)
    this.arm()
  }

  private forget(command: Piped): void {
    command.over = true
    this.open.delete(command.id)
    this.left(command)
  }

  private left({ origin }: Piped): void {
    origin!.left -= 1
    if (origin!.left > 0) return
    this.bytes -= origin!.bytes
    this.count()
  }

  /** Its bytes in flight; false: it was cut. */
  private count(): boolean {
    const fits = this.flow.holds(this.bytes + this.open.size * commandBytes)
    this.flow.inHand()
    return fits
  }

  /** What was gathered leaves when what runs now is done. */
  private arm(): void {
    if (this.gathering!.size >= answersBytes) this.send()
    if (this.armed) return
    this.armed = true
    queueMicrotask(this.flush)
  }

  private readonly flush = (): void => {
    this.armed = false
    if (this.state === 'over') return
    this.send()
    this.host.answered()
    this.endSoon()
  }

  private send(): void {
    const { gathering } = this
    if (gathering !== undefined && gathering.size > 0) this.wire.send(gathering.finish(), this.text)
  }

  private endSoon(): void {
    if (this.state !== 'closing' || this.open.size > 0) return
    this.send()
    this.finish()
    this.wire.end(this.last)
  }

  private finish(): void {
    if (this.state === 'over') return
    this.state = 'over'
    this.line = []
    this.head = 0
    this.open.clear()
    this.flow.close()
    this.host.over(this)
  }

  private failureOf(thrown: unknown): InnkeeperError {
    if (thrown instanceof WireError)
      return new InnkeeperError('bad_request', `the frame cannot be read: ${thrown.message}`)
    if (thrown instanceof TooMany) return tooMuch(`${this.host.context.limits.pipelinedCommandsMax} commands`)
    return this.host.door.failure(thrown, this.requestId)
  }
}

function tooMuch(what: string): InnkeeperError {
  return new InnkeeperError(
    'pipeline_exceeded',
    `more than ${what} without an answer; wait for answers before you send more (the welcome says how many)`,
  )
}
