// Package replicated is for entities whose value is a CRDT, which every node changes at once and the host merges.
//
//   - A handler changes nothing: it reads a view, and accepts the operations that the view makes (package crdt).
//   - A refusal brings no operations and no effects (law L3): it has no way to name any.
//   - A reply that looks at what the operations leave is made by the host's second call: its note is the old view, from which
//     `render` makes the same decision again, and computes the reply on the new one. Nothing is kept in between (law L6).
//   - A reply to a removal is made from the value before it, with the operations that come with the removal.
//   - The note of a subscription is the request that opened it.
//   - What Decide says to the log is told by Render where that is asked for, since it says it again: each line once. A view is
//     opened before a command begins, so what the function of Dynamic says is dropped.
//
// Leaves to others: values (package crdt), the memory of a component (package component), chains (internal/boundary).
package replicated

import (
	"innkeeper"
	"innkeeper/crdt"
	"innkeeper/internal/boundary"
	"innkeeper/wire"
)

// Decision is what a handler returns. Only a command makes them.
type Decision struct {
	answer *boundary.Answer
	change change
}

// change is what becomes of the value.
type change struct {
	operations  []crdt.Operation
	removed     bool
	consistency innkeeper.Consistency
}

// Command is what a handler answers: V is the view, R the reply of the method.
type Command[V any, R innkeeper.Message] struct {
	*innkeeper.Context
}

// Accept the command, with what it changes, in order.
func (c *Command[V, R]) Accept(operations ...crdt.Operation) *Accepting[V, R] {
	return accept[V, R](change{operations: operations})
}

// Remove accepts the command, and deletes the entity, for good. Operations come first: the reply and subscribers see them.
func (c *Command[V, R]) Remove(operations ...crdt.Operation) *Accepting[V, R] {
	return accept[V, R](change{operations: operations, removed: true})
}

// Refuse the command. Nothing changes; the message reaches the caller as it is.
func (c *Command[V, R]) Refuse(code innkeeper.Code, message string, details ...innkeeper.Message) Decision {
	return Decision{answer: new(boundary.Answer).Refuse(code, message, details)}
}

// RefuseWith is Refuse for a refusal that was made elsewhere.
func (c *Command[V, R]) RefuseWith(refusal *innkeeper.Refusal) Decision {
	return c.Refuse(refusal.Code, refusal.Message, refusal.Details...)
}

// Accepting is a command that is accepted, and not answered yet.
type Accepting[V any, R innkeeper.Message] struct {
	accepting[V, R, *Accepting[V, R]]
}

// Later answers when a later decision resolves the ticket: c.Accept().Later("ticket", innkeeper.Within(time.Hour)). Another caller of the
// method joins a ticket that is open.
func (a *Accepting[V, R]) Later(ticket string, within ...innkeeper.Limit) Decision {
	return Decision{boundary.AnswerOf(&a.Chain).Later(ticket, within), a.change}
}

func accept[V any, R innkeeper.Message](what change) *Accepting[V, R] {
	a := &Accepting[V, R]{}
	a.change = what
	return boundary.BeginChain(&a.Chain, a)
}

// accepting is what both kinds of accepted commands have; A is the one that it is part of.
type accepting[V any, R innkeeper.Message, A any] struct {
	boundary.EntityChain[A]
	change change
	reply  func(after V) R
}

// Consistency says how far the changes must be written before the answer. Default: innkeeper.Local.
func (a *accepting[V, R, A]) Consistency(consistency innkeeper.Consistency) A {
	a.change.consistency = consistency
	return boundary.SelfOf(&a.Chain)
}

// Reply answers with a message.
func (a *accepting[V, R, A]) Reply(reply R) Decision {
	return Decision{boundary.AnswerOf(&a.Chain).Reply(reply), a.change}
}

// ReplyAfter answers with what is made of the value after the operations.
func (a *accepting[V, R, A]) ReplyAfter(reply func(after V) R) Decision {
	a.reply = reply
	return Decision{boundary.AnswerOf(&a.Chain).Compute(a), a.change}
}

// Computed is the reply, for package boundary.
func (a *accepting[V, R, A]) Computed(after any) []byte {
	return wire.Encode(a.reply(after.(V)))
}

// Forward lets another command answer.
func (a *accepting[V, R, A]) Forward(call innkeeper.Call) Decision {
	return Decision{boundary.AnswerOf(&a.Chain).ForwardTo(call), a.change}
}

// Metadata goes with the answer, be it a refusal.
func (d Decision) Metadata(header innkeeper.Header) Decision {
	d.answer.Header(header)
	return d
}

// StreamCommand is a command of a streamed method: its stream can stay open, and is told of changes from then on.
type StreamCommand[V any, R innkeeper.Message] struct {
	Command[V, R]
}

// Accept the command, with what it changes, in order.
func (c *StreamCommand[V, R]) Accept(operations ...crdt.Operation) *StreamAccepting[V, R] {
	a := &StreamAccepting[V, R]{}
	a.change.operations = operations
	return boundary.BeginChain(&a.Chain, a)
}

// StreamAccepting is a command of a streamed method that is accepted, and not answered yet. Reply and Forward answer once.
type StreamAccepting[V any, R innkeeper.Message] struct {
	accepting[V, R, *StreamAccepting[V, R]]
}

// Stream sends a first element, and keeps the stream open.
func (a *StreamAccepting[V, R]) Stream(first R) Decision {
	boundary.AnswerOf(&a.Chain).Stream = true
	return a.Reply(first)
}

// StreamAfter sends what is made of the value after the operations, and keeps the stream open.
func (a *StreamAccepting[V, R]) StreamAfter(first func(after V) R) Decision {
	boundary.AnswerOf(&a.Chain).Stream = true
	return a.ReplyAfter(first)
}

// StreamSilently sends nothing yet, and keeps the stream open.
func (a *StreamAccepting[V, R]) StreamSilently() Decision {
	boundary.AnswerOf(&a.Chain).Stream = true
	return Decision{boundary.AnswerOf(&a.Chain).Silence(), a.change}
}

// occasion is what happens to an entity without a command.
type occasion struct {
	innkeeper.Logger
	entity string
	now    float64
}

// Entity is the entity's key.
func (o *occasion) Entity() string {
	return o.entity
}

// Now is the time in whole milliseconds since 1970.
func (o *occasion) Now() int64 {
	return int64(o.now)
}

// Change of the value, which a subscriber may be told of.
type Change[R innkeeper.Message] struct{ occasion }

// Told is what a subscriber is told. Only a change makes it.
type Told struct {
	said    bool
	answer  *boundary.Answer
	element bool
	end     bool
}

// Emit tells the subscriber.
func (c *Change[R]) Emit(element R) Told {
	return Told{said: true, answer: new(boundary.Answer).Reply(element), element: true}
}

// Silent tells nothing.
func (c *Change[R]) Silent() Told {
	return Told{said: true, answer: new(boundary.Answer).Silence()}
}

// End ends the stream.
func (c *Change[R]) End() Told {
	told := c.Silent()
	told.end = true
	return told
}

// EndWith tells the subscriber, and ends the stream.
func (c *Change[R]) EndWith(element R) Told {
	told := c.Emit(element)
	told.end = true
	return told
}

// Refuse ends the stream with a refusal.
func (c *Change[R]) Refuse(code innkeeper.Code, message string, details ...innkeeper.Message) Told {
	return Told{said: true, answer: new(boundary.Answer).Refuse(code, message, details), element: true, end: true}
}

// Effect is a command that runs then. A refusal has none.
func (t Told) Effect(call innkeeper.Call, options ...innkeeper.DeliveryOption) Told {
	if t.answer.Refusal != nil {
		panic("a stream is refused with an effect, which only an action can")
	}
	t.answer.Deliver(boundary.EffectOf(call, options))
	return t
}

// Leaving is the turn of a client that left.
type Leaving struct{ occasion }

// Left is what becomes of it.
type Left struct {
	answer *boundary.Answer
	change change
}

// Accept that it left, with what that changes; nothing, if nothing is given.
func (l *Leaving) Accept(operations ...crdt.Operation) Left {
	return Left{new(boundary.Answer).Silence(), change{operations: operations}}
}

// Remove deletes the entity, for good, after what these operations change.
func (l *Leaving) Remove(operations ...crdt.Operation) Left {
	return Left{new(boundary.Answer).Silence(), change{operations: operations, removed: true}}
}

// Effect is a command that runs then.
func (l Left) Effect(call innkeeper.Call, options ...innkeeper.DeliveryOption) Left {
	l.answer.Deliver(boundary.EffectOf(call, options))
	return l
}
