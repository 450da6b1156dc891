// Package eventsourced is for entities whose state is the fold of their events.
//
//   - A batch is decided one by one, each command on the state that the one before left (law L1).
//   - A refusal brings no events and no effects, and leaves the state (law L3): it has no way to name any.
//   - Each event is encoded when it is accepted, and evolved as it is decoded again: nothing enters a state that the journal
//     could not give back, and nothing is shared between a state and an event (law L2).
//   - What a fold says to the log while a command is decided is that command's; what it says of stored events is dropped.
//   - Nothing is held between calls (law L6).
//
// Handlers read the state and do not change it; folds may change the one that they are given, and return it.
//
// Leaves to others: bytes (package wire), the memory of a component (package component), chains (internal/boundary).
package eventsourced

import (
	"innkeeper"
	"innkeeper/internal/boundary"
	"innkeeper/wire"
)

// Command is what a handler answers: S is the state, R the reply of the method.
type Command[S any, R innkeeper.Message] struct {
	*innkeeper.Context
}

// Decision is what a handler returns. Only a command makes them.
type Decision struct {
	answer *boundary.Answer
	events []boundary.Typed
}

// Accepting is a command that is accepted, and not answered yet.
type Accepting[S any, R innkeeper.Message] struct {
	boundary.EntityChain[*Accepting[S, R]]
	events []boundary.Typed
	// Most commands cause one event: it has its place here.
	one   [1]boundary.Typed
	reply func(after S) R
}

// Accept the command, with the events that it causes, in order.
func (c *Command[S, R]) Accept(events ...innkeeper.Message) *Accepting[S, R] {
	a := new(Accepting[S, R])
	a.events = boundary.TypedAll(events, a.one[:0])
	return boundary.BeginChain(&a.Chain, a)
}

// Refuse the command. Nothing changes; the message reaches the caller as it is.
func (c *Command[S, R]) Refuse(code innkeeper.Code, message string, details ...innkeeper.Message) Decision {
	return Decision{answer: new(boundary.Answer).Refuse(code, message, details)}
}

// RefuseWith is Refuse for a refusal that was made elsewhere.
func (c *Command[S, R]) RefuseWith(refusal *innkeeper.Refusal) Decision {
	return c.Refuse(refusal.Code, refusal.Message, refusal.Details...)
}

// Reply answers with a message.
func (a *Accepting[S, R]) Reply(reply R) Decision {
	return Decision{boundary.AnswerOf(&a.Chain).Reply(reply), a.events}
}

// ReplyAfter answers with what is made of the state after the events.
func (a *Accepting[S, R]) ReplyAfter(reply func(after S) R) Decision {
	a.reply = reply
	return Decision{boundary.AnswerOf(&a.Chain).Compute(a), a.events}
}

// Computed is the reply, for package boundary.
func (a *Accepting[S, R]) Computed(after any) []byte {
	return wire.Encode(a.reply(after.(S)))
}

// Forward lets another command answer.
func (a *Accepting[S, R]) Forward(call innkeeper.Call) Decision {
	return Decision{boundary.AnswerOf(&a.Chain).ForwardTo(call), a.events}
}

// Later answers when a later decision resolves the ticket: c.Accept().Later("ticket", innkeeper.Within(time.Hour)). Another caller of the
// method joins a ticket that is open.
func (a *Accepting[S, R]) Later(ticket string, within ...innkeeper.Limit) Decision {
	return Decision{boundary.AnswerOf(&a.Chain).Later(ticket, within), a.events}
}

// Metadata goes with the answer, be it a refusal.
func (d Decision) Metadata(header innkeeper.Header) Decision {
	d.answer.Header(header)
	return d
}

// Method of a service, for generated code.
type Method[S any] struct {
	Name string
	run  func(state S, entity string, command *boundary.Command, r *wire.Reader) (d Decision, request, problem string)
}

// commandIn is a command and its context, in one allocation.
type commandIn[S any, R innkeeper.Message] struct {
	command Command[S, R]
	context innkeeper.Context
}

// Handlers of a service, made by generated code.
type Handlers[S any] struct {
	Service string
	Methods []Method[S]
}

// Unary is for generated code.
func Unary[S any, Q wire.MessageOf[Q], R innkeeper.Message](
	name string,
	handle func(state S, request Q, c *Command[S, R]) Decision,
) Method[S] {
	run := func(state S, entity string, command *boundary.Command, r *wire.Reader) (Decision, string, string) {
		request, problem := wire.ReadBy[Q](r, command.Payload)
		if problem != "" {
			return Decision{}, request.ProtoName(), problem
		}
		c := &commandIn[S, R]{context: innkeeper.MakeContext(entity, command.Now, command.Seed, command.Metadata)}
		c.command.Context = &c.context
		return handle(state, request, &c.command), "", ""
	}
	return Method[S]{name, run}
}

// Fold makes a state of the one before and an event. Made by Evolve.
type Fold[S any] struct {
	event string
	run   func(state S, data []byte, r *wire.Reader) (next S, problem string)
}

// Evolve says what an event does to a state: it returns the state after it, which may be the one that it was given.
func Evolve[S any, E wire.MessageOf[E]](fold func(state S, event E) S) Fold[S] {
	var none E
	return Fold[S]{none.ProtoName(), func(state S, data []byte, r *wire.Reader) (S, string) {
		event, problem := wire.ReadBy[E](r, data)
		if problem != "" {
			return state, problem
		}
		return fold(state, event), ""
	}}
}

// New defines a service of event-sourced entities. The state is a message, at first an empty one; each event that a handler
// accepts has an Evolve.
func New[S wire.MessageOf[S]](handlers Handlers[S], folds ...Fold[S]) innkeeper.Service {
	var none S
	events := make([]string, 0, len(folds))
	for _, fold := range folds {
		for _, other := range events {
			if other == fold.event {
				panic(handlers.Service + " has two Evolve for " + other)
			}
		}
		events = append(events, fold.event)
	}
	return innkeeper.Service{
		Name:         handlers.Service,
		Kind:         boundary.KindEventSourced,
		StateType:    none.ProtoName(),
		Events:       events,
		EventSourced: &service[S]{handlers, folds},
	}
}

type service[S wire.MessageOf[S]] struct {
	Handlers[S]
	folds []Fold[S]
}

func (s *service[S]) Decide(
	entity string,
	bytes []byte,
	commands []boundary.Command,
	wantState bool,
) (decisions []boundary.Decision, next []byte, changed bool) {
	r := new(wire.Reader)
	state := s.stateOf(bytes)
	changed = wantState
	decisions = make([]boundary.Decision, len(commands))
	for i := range commands {
		boundary.Begin()
		boundary.BeginLines()
		decisions[i], state = s.one(entity, state, &commands[i], r)
		decisions[i].Outcome.Logs = boundary.TakeLines()
		changed = changed || len(decisions[i].Events) > 0
	}
	if changed {
		next = wire.Encode(state)
	}
	return decisions, next, changed
}

func (s *service[S]) Evolve(_ string, bytes []byte, events []boundary.Typed) []byte {
	r := new(wire.Reader)
	state := s.stateOf(bytes)
	for i := range events {
		state = s.evolve(state, &events[i], r)
	}
	return wire.Encode(state)
}

func (s *service[S]) stateOf(bytes []byte) S {
	state, problem := wire.Read[S](bytes)
	if problem != "" {
		panic(s.Service + ": the stored state is no " + state.ProtoName() + ": " + problem)
	}
	return state
}

func (s *service[S]) one(
	entity string,
	state S,
	command *boundary.Command,
	r *wire.Reader,
) (boundary.Decision, S) {
	for i := range s.Methods {
		method := &s.Methods[i]
		if method.Name != command.Method {
			continue
		}
		decision, request, problem := method.run(state, entity, command, r)
		if problem != "" {
			return boundary.Decision{Outcome: boundary.MalformedRequest(request, problem)}, state
		}
		name := s.Service + "/" + method.Name
		if decision.answer == nil {
			panic(name + " answered neither accept nor refuse")
		}
		for i := range decision.events {
			state = s.evolve(state, &decision.events[i], r)
		}
		return boundary.Decision{Events: decision.events, Outcome: decision.answer.Outcome(name, state)}, state
	}
	return boundary.Decision{Outcome: boundary.UnknownMethod(s.Service, command.Method)}, state
}

func (s *service[S]) evolve(state S, event *boundary.Typed, r *wire.Reader) S {
	for i := range s.folds {
		fold := &s.folds[i]
		if fold.event != event.Name {
			continue
		}
		boundary.Begin()
		next, problem := fold.run(state, event.Data, r)
		if problem != "" {
			panic(s.Service + ": a stored event is no " + event.Name + ": " + problem)
		}
		return next
	}
	panic(s.Service + " has no Evolve for " + event.Name)
}
