// Actions: the base of generated ones, and of the streams of their methods.
//
// T1. A stream is a step function over a state of its own, which the host keeps between the steps: a message, behind one byte of flags
//     (more to say unasked, the client has sent all).
// T2. Inputs are taken in order, and none after the end. What a step's own effects do comes before its elements.
// T3. `next` is called once the client has taken what was given, so a slow client slows the stream.

import { Bytes } from './bytes'
import { Context } from './context'
import { Call, Decision } from './decision'
import { decode, encode, Message } from './message'
import { Reader } from './reader'
import { Kind, Service } from './service'
import { Writer } from './writer'

export abstract class Action extends Service {
  __kind(): Kind {
    return Kind.Action
  }

  /** A new object for a step of a method's stream. */
  abstract __stream(method: Bytes): Stream | null
}

const enum Flag {
  More = 1,
  Closed = 2,
}

/** What all streams have in common. */
export abstract class Stream {
  __outputs: Decision[] = []
  __done: bool = false
  /** There is more to say: `next` is called once the client has taken this. */
  protected wantsMore: bool = false
  protected closed: bool = false

  /** No more elements: the stream ends after those that were given. */
  end(): void {
    this.__done = true
  }

  /** Let another command give the next element, or all elements. */
  emitForward(call: Call): void {
    const decision = new Decision()
    decision.forward = call
    this.__outputs.push(decision)
  }

  get __more(): bool {
    return this.wantsMore && !this.__done
  }

  /** The author's state, which the host keeps between the steps. */
  protected abstract get kept(): Message

  /** The client has left. Effects run; nothing is sent. */
  cancelled(context: Context): void {}

  __load(bytes: Bytes): void {
    if (bytes.length == 0) throw new Error('these bytes are no state of a stream')
    this.wantsMore = (bytes[0] & Flag.More) != 0
    this.closed = (bytes[0] & Flag.Closed) != 0
    if (decode(this.kept, bytes.slice(1)) !== null) throw new Error('these bytes are no state of a stream')
  }

  __save(): Bytes {
    const state = encode(this.kept)
    const pointer = heap.alloc(<usize>state.length + 1)
    store<u8>(pointer, (this.wantsMore ? Flag.More : 0) | (this.closed ? Flag.Closed : 0))
    memory.copy(pointer + 1, state.pointer, <usize>state.length)
    return new Bytes(pointer, state.length + 1)
  }

  abstract __start(context: Context): void
  abstract __item(payload: Bytes, context: Context): void
  abstract __next(context: Context): void
  abstract __closed(context: Context): void

  protected put(reply: Message): void {
    const decision = new Decision()
    decision.reply = encode(reply)
    this.__outputs.push(decision)
  }

  /** After a handler: its refusal ends the stream, its effects go first. */
  __follow(context: Context, from: i32): void {
    const decision = context.__decision
    if (decision.refusal !== null) {
      this.__outputs.push(decision)
      this.__done = true
      return
    }
    if (!decision.hasEffects) return
    decision.silent = true
    this.__outputs.push(decision)
    for (let i = this.__outputs.length - 1; i > from; i--) this.__outputs[i] = this.__outputs[i - 1]
    this.__outputs[from] = decision
  }
}

/** What a generated class asks for: a stream of these requests and replies, whatever its state. */
export abstract class ServerStreamOf<Request extends Message, Reply extends Message> extends Stream {
  emit(reply: Reply): void {
    this.put(reply)
  }
}

export abstract class ClientStreamOf<Request extends Message, Reply extends Message> extends Stream {}

export abstract class BidiStreamOf<Request extends Message, Reply extends Message> extends Stream {
  emit(reply: Reply): void {
    this.put(reply)
  }

  /** There is more to say. */
  more(): void {
    this.wantsMore = true
  }
}

/** One request, many replies. */
export abstract class ServerStream<
  Request extends Message,
  Reply extends Message,
  S extends Message,
> extends ServerStreamOf<Request, Reply> {
  /** Kept by the host between the steps. */
  state: S = instantiate<S>()

  protected get kept(): Message {
    return this.state
  }

  /** Set the state to begin with, or refuse. */
  abstract start(request: Request, context: Context): void
  /** The next elements: `this.emit(...)`, and `this.end()` after the last. Called again once the client has taken them. */
  abstract next(context: Context): void

  __start(context: Context): void {}

  __item(payload: Bytes, context: Context): void {
    const request = instantiate<Request>()
    const from = this.__outputs.length
    if (context.__reads(request, payload)) this.start(request, context)
    if (context.__decision.refusal === null) this.ask(context)
    this.__follow(context, from)
  }

  __next(context: Context): void {
    const from = this.__outputs.length
    this.ask(context)
    this.__follow(context, from)
  }

  private ask(context: Context): void {
    this.wantsMore = true
    this.next(context)
  }

  __closed(context: Context): void {}
}

/** Many requests, one reply. */
export abstract class ClientStream<
  Request extends Message,
  Reply extends Message,
  S extends Message,
> extends ClientStreamOf<Request, Reply> {
  /** Kept by the host between the steps. */
  state: S = instantiate<S>()

  protected get kept(): Message {
    return this.state
  }

  start(context: Context): void {}
  /** The next request; the state tells later ones of it. */
  abstract item(request: Request, context: Context): void
  /** The client has sent all: the reply, a refusal or a forward. */
  abstract sent(context: Context): Reply | null

  __start(context: Context): void {
    this.start(context)
    this.__follow(context, this.__outputs.length)
  }

  __item(payload: Bytes, context: Context): void {
    const request = instantiate<Request>()
    const from = this.__outputs.length
    if (context.__reads(request, payload)) this.item(request, context)
    this.__follow(context, from)
  }

  __next(context: Context): void {}

  __closed(context: Context): void {
    context.__answer(this.sent(context))
    this.__outputs.push(context.__decision)
    this.__done = true
  }
}

/** Many requests, many replies. */
export abstract class BidiStream<
  Request extends Message,
  Reply extends Message,
  S extends Message,
> extends BidiStreamOf<Request, Reply> {
  /** Kept by the host between the steps. */
  state: S = instantiate<S>()

  protected get kept(): Message {
    return this.state
  }

  start(context: Context): void {}
  abstract item(request: Request, context: Context): void
  /** After a step that says `this.more()`: what else there is, once the client has taken the last elements. */
  next(context: Context): void {}
  /** The client has sent all. The stream ends, unless it says that there is more. */
  sent(context: Context): void {}

  __start(context: Context): void {
    this.start(context)
    this.__follow(context, this.__outputs.length)
  }

  __item(payload: Bytes, context: Context): void {
    const request = instantiate<Request>()
    const from = this.__outputs.length
    if (context.__reads(request, payload)) this.item(request, context)
    this.__follow(context, from)
  }

  __next(context: Context): void {
    if (!this.wantsMore) return
    this.wantsMore = false
    const from = this.__outputs.length
    this.next(context)
    this.__follow(context, from)
    if (this.closed && !this.wantsMore) this.__done = true
  }

  __closed(context: Context): void {
    this.closed = true
    const from = this.__outputs.length
    this.sent(context)
    this.__follow(context, from)
    if (!this.wantsMore) this.__done = true
  }
}

/** For a stream that remembers nothing. */
@final
export class NoState extends Message {
  __typeName(): string {
    return ''
  }

  __write(out: Writer): void {}

  __read(reader: Reader): void {
    while (reader.more()) reader.skip(reader.tag())
  }
}
