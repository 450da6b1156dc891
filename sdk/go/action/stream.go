package action

import (
	"innkeeper"
	"innkeeper/internal/boundary"
	"innkeeper/wire"
)

// Streams.
//
//   - A stream's state goes out and comes in with every step, behind one byte of flags: more to say unasked, the client has
//     sent all, there is a state. Nothing of a stream is kept here (law L6).
//   - `more` asks to be called once the client has taken what was given: one `Next` a call, so a slow client slows the service.
//     What arrives in between is no answer to it: it still holds.
//   - Inputs are taken in order, and none after the end. What a step's own effects do comes before its elements.

// Step is what a stream does next; it is changed by its methods, and returned. One that nothing was asked of says nothing, and
// the stream goes on.
type Step[S any, R innkeeper.Message] struct {
	*innkeeper.Context
	outputs []boundary.Outcome
	effects []boundary.Effect
	state   S
	kept    bool
	more    bool
	ended   bool
	last    *boundary.Answer
	name    string
}

// Emit elements.
func (s *Step[S, R]) Emit(elements ...R) *Step[S, R] {
	for _, element := range elements {
		s.outputs = append(s.outputs, boundary.Outcome{Payload: wire.Encode(element)})
	}
	return s
}

// EmitAnswer emits an element that is an answer, such as s.Accept().Forward(call). A refusal ends the client's stream.
func (s *Step[S, R]) EmitAnswer(answer Decision) *Step[S, R] {
	s.outputs = append(s.outputs, answer.outcome(s.name))
	return s
}

// Accept begins an answer, for EmitAnswer.
func (s *Step[S, R]) Accept() *Accepting[R] {
	return accept[R]()
}

// Keep the stream's state from now on.
func (s *Step[S, R]) Keep(state S) *Step[S, R] {
	s.state, s.kept = state, true
	return s
}

// More: Next is called once the client has taken this.
func (s *Step[S, R]) More() *Step[S, R] {
	s.more = true
	return s
}

// End the stream, after what was emitted.
func (s *Step[S, R]) End() *Step[S, R] {
	s.ended = true
	return s
}

// Refuse ends the stream with a refusal, after what was emitted.
func (s *Step[S, R]) Refuse(code innkeeper.Code, message string, details ...innkeeper.Message) *Step[S, R] {
	s.last = new(boundary.Answer).Refuse(code, message, details)
	return s
}

// Effect is a command that runs before the elements of this step are sent; its answer is thrown away.
func (s *Step[S, R]) Effect(call innkeeper.Call, options ...innkeeper.DeliveryOption) *Step[S, R] {
	s.effects = append(s.effects, boundary.EffectOf(call, options))
	return s
}

// SynchronousEffect is an effect that the elements wait for.
func (s *Step[S, R]) SynchronousEffect(call innkeeper.Call, options ...innkeeper.DeliveryOption) *Step[S, R] {
	effect := boundary.EffectOf(call, options)
	effect.Synchronous = true
	s.effects = append(s.effects, effect)
	return s
}

// Taking is what a call with many requests does with one of them; it is changed by its methods, and returned.
type Taking[S any, R innkeeper.Message] struct {
	Command[R]
	step Step[S, R]
}

// Keep the stream's state from now on.
func (t *Taking[S, R]) Keep(state S) *Taking[S, R] {
	t.step.Keep(state)
	return t
}

// Effect is a command that runs now; its answer is thrown away.
func (t *Taking[S, R]) Effect(call innkeeper.Call, options ...innkeeper.DeliveryOption) *Taking[S, R] {
	t.step.Effect(call, options...)
	return t
}

// SynchronousEffect is an effect that what follows waits for.
func (t *Taking[S, R]) SynchronousEffect(call innkeeper.Call, options ...innkeeper.DeliveryOption) *Taking[S, R] {
	t.step.SynchronousEffect(call, options...)
	return t
}

// End the call early: t.End(t.Refuse(...)), t.End(t.Accept().Reply(...)).
func (t *Taking[S, R]) End(answer Decision) *Taking[S, R] {
	t.step.last = answer.answer
	return t
}

// Leaving is the turn of a client that left: effects run, nothing is sent.
type Leaving struct {
	*innkeeper.Context
	answer boundary.Answer
}

// Effect is a command that runs now; its answer is thrown away.
func (l *Leaving) Effect(call innkeeper.Call, options ...innkeeper.DeliveryOption) {
	l.answer.Deliver(boundary.EffectOf(call, options))
}

// ClientStream has many requests and one reply.
type ClientStream[S wire.MessageOf[S], Q wire.MessageOf[Q], R innkeeper.Message] struct {
	// Start makes the state to begin with. Default: an empty one.
	Start func(c *innkeeper.Context) (S, *innkeeper.Refusal)
	// Item takes the next request.
	Item func(state S, item Q, t *Taking[S, R]) *Taking[S, R]
	// End answers, when the client has sent all.
	End func(state S, c *Command[R]) Decision
	// Cancelled: the client has left. Default: nothing happens.
	Cancelled func(state S, c *Leaving)
}

// ServerStream has one request and many replies.
type ServerStream[S wire.MessageOf[S], Q wire.MessageOf[Q], R innkeeper.Message] struct {
	// Start makes the state to begin with.
	Start func(request Q, c *innkeeper.Context) (S, *innkeeper.Refusal)
	// Next says the next elements. It is called again once the client has taken them.
	Next func(state S, s *Step[S, R]) *Step[S, R]
	// Cancelled: the client has left. Default: nothing happens.
	Cancelled func(state S, c *Leaving)
}

// Bidi has many requests and many replies.
type Bidi[S wire.MessageOf[S], Q wire.MessageOf[Q], R innkeeper.Message] struct {
	// Start makes the state to begin with. Default: an empty one.
	Start func(c *innkeeper.Context) (S, *innkeeper.Refusal)
	// Item takes the next request.
	Item func(state S, item Q, s *Step[S, R]) *Step[S, R]
	// Next, after a step that said More: what else there is, once the client has taken the last elements.
	Next func(state S, s *Step[S, R]) *Step[S, R]
	// End: the client has sent all. Default: the stream ends.
	End func(state S, s *Step[S, R]) *Step[S, R]
	// Cancelled: the client has left. Default: nothing happens.
	Cancelled func(state S, c *Leaving)
}

// ClientStreamHandler is a ClientStream with whatever state.
type ClientStreamHandler[Q, R any] interface {
	clientStream(Q, R) runner
}

// ServerStreamHandler is a ServerStream with whatever state.
type ServerStreamHandler[Q, R any] interface {
	serverStream(Q, R) runner
}

// BidiHandler is a Bidi with whatever state.
type BidiHandler[Q, R any] interface {
	bidi(Q, R) runner
}

// ClientStreamMethod is for generated code.
func ClientStreamMethod[Q, R any](name string, handler ClientStreamHandler[Q, R]) Method {
	var request Q
	var reply R
	return Method{Name: name, stream: handler.clientStream(request, reply)}
}

// ServerStreamMethod is for generated code.
func ServerStreamMethod[Q, R any](name string, handler ServerStreamHandler[Q, R]) Method {
	var request Q
	var reply R
	return Method{Name: name, stream: handler.serverStream(request, reply)}
}

// BidiMethod is for generated code.
func BidiMethod[Q, R any](name string, handler BidiHandler[Q, R]) Method {
	var request Q
	var reply R
	return Method{Name: name, stream: handler.bidi(request, reply)}
}

type runner = func(name string, state []byte, inputs []boundary.Input, context *innkeeper.Context) boundary.Step

func (p ClientStream[S, Q, R]) clientStream(Q, R) runner {
	if p.Item == nil || p.End == nil {
		panic("a client stream has Item and End")
	}
	return run(&parts[S, Q, R]{
		shape: clientShape,
		start: p.Start,
		item: func(state S, item Q, s *Step[S, R]) *Step[S, R] {
			taken := p.Item(state, item, &Taking[S, R]{Command[R]{s.Context}, *s})
			if taken == nil {
				return nil
			}
			return &taken.step
		},
		finish:    p.End,
		cancelled: p.Cancelled,
	})
}

func (p ServerStream[S, Q, R]) serverStream(Q, R) runner {
	if p.Start == nil || p.Next == nil {
		panic("a server stream has Start and Next")
	}
	return run(&parts[S, Q, R]{shape: serverShape, startWith: p.Start, next: p.Next, cancelled: p.Cancelled})
}

func (p Bidi[S, Q, R]) bidi(Q, R) runner {
	if p.Item == nil {
		panic("a bidi stream has Item")
	}
	return run(&parts[S, Q, R]{
		shape:     bidiShape,
		start:     p.Start,
		item:      p.Item,
		next:      p.Next,
		end:       p.End,
		cancelled: p.Cancelled,
	})
}

type shape uint8

const (
	clientShape shape = iota
	serverShape
	bidiShape
)

// parts of a stream of any shape; those that it has not are nil.
type parts[S wire.MessageOf[S], Q wire.MessageOf[Q], R innkeeper.Message] struct {
	shape     shape
	start     func(c *innkeeper.Context) (S, *innkeeper.Refusal)
	startWith func(request Q, c *innkeeper.Context) (S, *innkeeper.Refusal)
	item      func(state S, item Q, s *Step[S, R]) *Step[S, R]
	next      func(state S, s *Step[S, R]) *Step[S, R]
	end       func(state S, s *Step[S, R]) *Step[S, R]
	finish    func(state S, c *Command[R]) Decision
	cancelled func(state S, c *Leaving)
}

const (
	flagMore = 1 << iota
	flagClosed
	flagState
)

// stream is one call's worth of a stream.
type stream[S wire.MessageOf[S], Q wire.MessageOf[Q], R innkeeper.Message] struct {
	*parts[S, Q, R]
	name     string
	context  *innkeeper.Context
	outputs  []boundary.Outcome
	state    S
	hasState bool
	more     bool
	closed   bool
	done     bool
}

func run[S wire.MessageOf[S], Q wire.MessageOf[Q], R innkeeper.Message](p *parts[S, Q, R]) runner {
	return func(name string, before []byte, inputs []boundary.Input, context *innkeeper.Context) boundary.Step {
		s := &stream[S, Q, R]{parts: p, name: name, context: context}
		s.load(before)
		if len(inputs) == 0 {
			s.goOn()
		}
		for i := range inputs {
			if !s.done {
				s.take(&inputs[i])
			}
		}
		return boundary.Step{Outputs: s.outputs, State: s.bytes(), Done: s.done, More: s.more && !s.done}
	}
}

func (s *stream[S, Q, R]) load(before []byte) {
	s.state = wire.New[S]()
	if len(before) == 0 {
		return
	}
	s.more = before[0]&flagMore != 0
	s.closed = before[0]&flagClosed != 0
	s.hasState = before[0]&flagState != 0
	if s.hasState {
		state, problem := wire.Read[S](before[1:])
		if problem != "" {
			panic(s.name + ": the stream's state is none: " + problem)
		}
		s.state = state
	}
}

func (s *stream[S, Q, R]) bytes() []byte {
	if s.done {
		return nil
	}
	var flags byte
	if s.more {
		flags |= flagMore
	}
	if s.closed {
		flags |= flagClosed
	}
	if !s.hasState {
		return []byte{flags}
	}
	return s.state.ProtoAppend([]byte{flags | flagState})
}

func (s *stream[S, Q, R]) take(input *boundary.Input) {
	switch input.Case {
	case boundary.InputStart:
		// The request of a server stream is an item that follows at once.
		if s.shape != serverShape && s.start != nil {
			s.begin(s.start(s.context))
		}
	case boundary.InputItem:
		s.takeItem(input.Payload)
	case boundary.InputEnd:
		s.takeEnd()
	case boundary.InputCancelled:
		s.done = true
		if s.cancelled != nil {
			leaving := &Leaving{Context: s.context}
			s.cancelled(s.state, leaving)
			s.outputs = append(s.outputs, leaving.answer.Silence().Outcome(s.name, nil))
		}
	}
}

func (s *stream[S, Q, R]) begin(state S, refusal *innkeeper.Refusal) {
	if refusal != nil {
		s.answer(new(boundary.Answer).Refuse(refusal.Code, refusal.Message, refusal.Details))
		return
	}
	s.state, s.hasState = state, true
}

func (s *stream[S, Q, R]) takeItem(payload []byte) {
	request, problem := wire.Read[Q](payload)
	if problem != "" {
		s.outputs = append(s.outputs, boundary.MalformedRequest(request.ProtoName(), problem))
		s.done = true
		return
	}
	if s.shape != serverShape {
		s.follow(s.item(s.state, request, s.step()))
		return
	}
	if s.begin(s.startWith(request, s.context)); !s.done {
		s.goOn()
	}
}

func (s *stream[S, Q, R]) takeEnd() {
	if s.shape == serverShape {
		// Its one request was its item.
		return
	}
	s.closed = true
	switch {
	case s.finish != nil:
		s.answer(s.finish(s.state, &Command[R]{s.context}).answer)
	case s.end != nil:
		s.follow(s.end(s.state, s.step()))
	default:
		s.done = !s.more
	}
}

// goOn: the client has taken what was given.
func (s *stream[S, Q, R]) goOn() {
	if !s.more && s.shape != serverShape {
		return
	}
	s.more = false
	if s.next == nil {
		panic(s.name + " asks for more, but has no Next")
	}
	s.follow(s.next(s.state, s.step()))
}

func (s *stream[S, Q, R]) step() *Step[S, R] {
	return &Step[S, R]{Context: s.context, name: s.name}
}

func (s *stream[S, Q, R]) follow(step *Step[S, R]) {
	if step == nil {
		panic(s.name + " returns no step: return the one that was given")
	}
	if step.last != nil && len(step.outputs) == 0 {
		step.last.Effects = append(step.effects, step.last.Effects...)
	} else if len(step.effects) > 0 {
		s.outputs = append(s.outputs, boundary.Outcome{Reply: boundary.ReplyNone, Effects: step.effects})
	}
	s.outputs = append(s.outputs, step.outputs...)
	if step.last != nil {
		s.answer(step.last)
		return
	}
	if step.kept {
		s.state, s.hasState = step.state, true
	}
	s.more = s.more || step.more || s.shape == serverShape
	// Nothing can come of a stream that neither gets nor gives any more.
	s.done = step.ended || s.closed && !s.more
}

// answer is the last word.
func (s *stream[S, Q, R]) answer(answer *boundary.Answer) {
	s.outputs = append(s.outputs, Decision{answer}.outcome(s.name))
	s.done = true
}
