// Package value is for entities that keep one value, a message.
//
//   - A batch is decided one by one, each command on the value that the one before left (law L1).
//   - A refusal leaves the value, and brings no effects (law L3): it has no way to name any.
//   - An update is encoded when it is said, and the next command sees what decodes again: a value that cannot be kept is the
//     fault of the command that made it, and nothing that a handler keeps reaches it.
//   - Nothing is held between calls (law L6).
//
// Handlers read the value, nil where there is none, and do not change it.
//
// Leaves to others: bytes (package wire), the memory of a component (package component), chains (internal/boundary).
package value

import (
	"innkeeper"
	"innkeeper/internal/boundary"
	"innkeeper/wire"
)

// Command is what a handler answers: V is the value, R the reply of the method.
type Command[V wire.MessageOf[V], R innkeeper.Message] struct {
	*innkeeper.Context
	current V
}

// Decision is what a handler returns. Only a command makes them.
type Decision struct {
	answer *boundary.Answer
	change boundary.Change
	value  []byte
}

// Accepting is a command that is accepted, and not answered yet.
type Accepting[V wire.MessageOf[V], R innkeeper.Message] struct {
	boundary.EntityChain[*Accepting[V, R]]
	change boundary.Change
	value  []byte
	after  func() V
}

// Accept the command, and leave the value.
func (c *Command[V, R]) Accept() *Accepting[V, R] {
	return accepting[V, R](boundary.Unchanged, nil, func() V { return c.current })
}

// Update accepts the command: the value is this one from now on.
func (c *Command[V, R]) Update(value V) *Accepting[V, R] {
	return accepting[V, R](boundary.Updated, wire.Encode(value), func() V { return value })
}

// Remove accepts the command, and deletes the value. It may be set again.
func (c *Command[V, R]) Remove() *Accepting[V, R] {
	return accepting[V, R](boundary.Deleted, nil, func() (none V) { return none })
}

func accepting[V wire.MessageOf[V], R innkeeper.Message](change boundary.Change, value []byte, after func() V) *Accepting[V, R] {
	a := &Accepting[V, R]{change: change, value: value, after: after}
	return boundary.BeginChain(&a.Chain, a)
}

// Refuse the command. Nothing changes; the message reaches the caller as it is.
func (c *Command[V, R]) Refuse(code innkeeper.Code, message string, details ...innkeeper.Message) Decision {
	return Decision{answer: new(boundary.Answer).Refuse(code, message, details)}
}

// RefuseWith is Refuse for a refusal that was made elsewhere.
func (c *Command[V, R]) RefuseWith(refusal *innkeeper.Refusal) Decision {
	return c.Refuse(refusal.Code, refusal.Message, refusal.Details...)
}

// Reply answers with a message.
func (a *Accepting[V, R]) Reply(reply R) Decision {
	return Decision{boundary.AnswerOf(&a.Chain).Reply(reply), a.change, a.value}
}

// ReplyAfter answers with what is made of the value after the change; nil if there is none.
func (a *Accepting[V, R]) ReplyAfter(reply func(after V) R) Decision {
	return a.Reply(reply(a.after()))
}

// Forward lets another command answer.
func (a *Accepting[V, R]) Forward(call innkeeper.Call) Decision {
	return Decision{boundary.AnswerOf(&a.Chain).ForwardTo(call), a.change, a.value}
}

// Later answers when a later decision resolves the ticket: c.Accept().Later("ticket", innkeeper.Within(time.Hour)). Another caller of the
// method joins a ticket that is open.
func (a *Accepting[V, R]) Later(ticket string, within ...innkeeper.Limit) Decision {
	return Decision{boundary.AnswerOf(&a.Chain).Later(ticket, within), a.change, a.value}
}

// Metadata goes with the answer, be it a refusal.
func (d Decision) Metadata(header innkeeper.Header) Decision {
	d.answer.Header(header)
	return d
}

// Method of a service, for generated code.
type Method[V any] struct {
	Name string
	run  func(current V, entity string, command *boundary.Command, r *wire.Reader) (d Decision, request, problem string)
}

// Handlers of a service, made by generated code.
type Handlers[V any] struct {
	Service string
	Methods []Method[V]
}

// Unary is for generated code.
func Unary[V wire.MessageOf[V], Q wire.MessageOf[Q], R innkeeper.Message](
	name string,
	handle func(current V, request Q, c *Command[V, R]) Decision,
) Method[V] {
	run := func(current V, entity string, command *boundary.Command, r *wire.Reader) (Decision, string, string) {
		request, problem := wire.ReadBy[Q](r, command.Payload)
		if problem != "" {
			return Decision{}, request.ProtoName(), problem
		}
		c := innkeeper.NewContext(entity, command.Now, command.Seed, command.Metadata)
		return handle(current, request, &Command[V, R]{c, current}), "", ""
	}
	return Method[V]{name, run}
}

// New defines a service of entities that keep a value.
func New[V wire.MessageOf[V]](handlers Handlers[V]) innkeeper.Service {
	var none V
	return innkeeper.Service{
		Name:      handlers.Service,
		Kind:      boundary.KindValue,
		StateType: none.ProtoName(),
		Value:     &service[V]{handlers},
	}
}

type service[V wire.MessageOf[V]] struct {
	Handlers[V]
}

func (s *service[V]) Decide(entity string, bytes []byte, commands []boundary.Command) []boundary.ValueDecision {
	r := new(wire.Reader)
	current := s.valueOf(bytes)
	decisions := make([]boundary.ValueDecision, len(commands))
	for i := range commands {
		boundary.Begin()
		boundary.BeginLines()
		decisions[i] = s.one(entity, current, &commands[i], r)
		decisions[i].Outcome.Logs = boundary.TakeLines()
		switch decisions[i].Change {
		case boundary.Updated:
			current = s.valueOf(decisions[i].Value)
		case boundary.Deleted:
			var none V
			current = none
		}
	}
	return decisions
}

// valueOf is nil for nil: there is no value.
func (s *service[V]) valueOf(bytes []byte) (value V) {
	if bytes == nil {
		return value
	}
	value, problem := wire.Read[V](bytes)
	if problem != "" {
		panic(s.Service + ": the stored value is no " + value.ProtoName() + ": " + problem)
	}
	return value
}

func (s *service[V]) one(
	entity string,
	current V,
	command *boundary.Command,
	r *wire.Reader,
) boundary.ValueDecision {
	for i := range s.Methods {
		method := &s.Methods[i]
		if method.Name != command.Method {
			continue
		}
		decision, request, problem := method.run(current, entity, command, r)
		if problem != "" {
			return boundary.ValueDecision{Outcome: boundary.MalformedRequest(request, problem)}
		}
		name := s.Service + "/" + method.Name
		if decision.answer == nil {
			panic(name + " answered neither accept nor refuse")
		}
		return boundary.ValueDecision{
			Change:  decision.change,
			Value:   decision.value,
			Outcome: decision.answer.Outcome(name, nil),
		}
	}
	return boundary.ValueDecision{Outcome: boundary.UnknownMethod(s.Service, command.Method)}
}
