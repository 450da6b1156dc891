// Package action is for services without state, whose methods may stream.
//
//   - Calls are independent of each other. A refusal keeps its effects.
//   - A stream is a step function over a state of its own, a message that the host keeps between the steps (NoState, if there
//     is nothing to keep). Handlers get an empty one until they keep another.
//
// Leaves to others: streams (stream.go), bytes (package wire), the memory of a component (package component).
package action

import (
	"innkeeper"
	"innkeeper/internal/boundary"
	"innkeeper/wire"
)

// Command is what a handler answers: R is the reply of the method.
type Command[R innkeeper.Message] struct {
	*innkeeper.Context
}

// Decision is what a handler returns. Only a command makes them.
type Decision struct {
	answer *boundary.Answer
}

// Accepting is a command that is accepted, and not answered yet.
type Accepting[R innkeeper.Message] struct {
	boundary.Chain[*Accepting[R]]
}

// Accept the command.
func (c *Command[R]) Accept() *Accepting[R] {
	return accept[R]()
}

func accept[R innkeeper.Message]() *Accepting[R] {
	a := new(Accepting[R])
	return boundary.BeginChain(&a.Chain, a)
}

// Refuse the command. The message reaches the caller as it is.
func (c *Command[R]) Refuse(code innkeeper.Code, message string, details ...innkeeper.Message) Decision {
	return Decision{new(boundary.Answer).Refuse(code, message, details)}
}

// RefuseWith is Refuse for a refusal that was made elsewhere.
func (c *Command[R]) RefuseWith(refusal *innkeeper.Refusal) Decision {
	return c.Refuse(refusal.Code, refusal.Message, refusal.Details...)
}

// Reply answers with a message.
func (a *Accepting[R]) Reply(reply R) Decision {
	return Decision{boundary.AnswerOf(&a.Chain).Reply(reply)}
}

// Forward lets another command answer.
func (a *Accepting[R]) Forward(call innkeeper.Call) Decision {
	return Decision{boundary.AnswerOf(&a.Chain).ForwardTo(call)}
}

// Effect runs with the answer, also if it is a refusal.
func (d Decision) Effect(call innkeeper.Call, options ...innkeeper.DeliveryOption) Decision {
	d.answer.Deliver(boundary.EffectOf(call, options))
	return d
}

// SynchronousEffect is an effect that the answer waits for.
func (d Decision) SynchronousEffect(call innkeeper.Call, options ...innkeeper.DeliveryOption) Decision {
	d.answer.DeliverSynchronously(boundary.EffectOf(call, options))
	return d
}

// Metadata goes with the answer, be it a refusal.
func (d Decision) Metadata(header innkeeper.Header) Decision {
	d.answer.Header(header)
	return d
}

func (d Decision) outcome(name string) boundary.Outcome {
	if d.answer == nil {
		panic(name + " answered neither accept nor refuse")
	}
	return d.answer.Outcome(name, nil)
}

// Method of a service, for generated code.
type Method struct {
	Name   string
	call   func(name string, command *boundary.Command) boundary.Outcome
	stream func(name string, state []byte, inputs []boundary.Input, context *innkeeper.Context) boundary.Step
}

// Handlers of a service, made by generated code.
type Handlers struct {
	Service string
	Methods []Method
}

// Unary is for generated code.
func Unary[Q wire.MessageOf[Q], R innkeeper.Message](
	name string,
	handle func(request Q, c *Command[R]) Decision,
) Method {
	return Method{Name: name, call: func(name string, command *boundary.Command) boundary.Outcome {
		request, problem := wire.Read[Q](command.Payload)
		if problem != "" {
			return boundary.MalformedRequest(request.ProtoName(), problem)
		}
		c := innkeeper.NewContext("", command.Now, command.Seed, command.Metadata)
		return handle(request, &Command[R]{c}).outcome(name)
	}}
}

// New defines a service without state.
func New(handlers Handlers) innkeeper.Service {
	return innkeeper.Service{Name: handlers.Service, Kind: boundary.KindAction, Action: &service{handlers}}
}

type service struct {
	Handlers
}

func (s *service) method(name string) *Method {
	for i := range s.Methods {
		if s.Methods[i].Name == name {
			return &s.Methods[i]
		}
	}
	return nil
}

func (s *service) Call(command boundary.Command) boundary.Outcome {
	method := s.method(command.Method)
	if method == nil {
		return boundary.UnknownMethod(s.Service, command.Method)
	}
	name := s.Service + "/" + method.Name
	if method.call == nil {
		panic(name + " streams, and was called as a unary method")
	}
	boundary.Begin()
	boundary.BeginLines()
	outcome := method.call(name, &command)
	outcome.Logs = boundary.TakeLines()
	return outcome
}

func (s *service) Stream(
	name string,
	state []byte,
	inputs []boundary.Input,
	now float64,
	seed [4]uint32,
) boundary.Step {
	method := s.method(name)
	if method == nil {
		return boundary.Step{Outputs: []boundary.Outcome{boundary.UnknownMethod(s.Service, name)}, Done: true}
	}
	full := s.Service + "/" + method.Name
	if method.stream == nil {
		panic(full + " does not stream")
	}
	var metadata []innkeeper.Header
	for i := range inputs {
		if inputs[i].Case == boundary.InputStart {
			metadata = inputs[i].Metadata
		}
	}
	boundary.Begin()
	boundary.BeginLines()
	step := method.stream(full, state, inputs, innkeeper.NewContext("", now, seed, metadata))
	if logs := boundary.TakeLines(); len(logs) > 0 {
		// On the first output; on one that says nothing else if there is none.
		if len(step.Outputs) == 0 {
			step.Outputs = []boundary.Outcome{{Reply: boundary.ReplyNone}}
		}
		step.Outputs[0].Logs = logs
	}
	return step
}

// NoState is of a stream that has none.
type NoState struct{}

func (*NoState) ProtoName() string           { return "" }
func (*NoState) ProtoNew() *NoState          { return new(NoState) }
func (*NoState) ProtoAppend(b []byte) []byte { return b }
func (*NoState) ProtoRead(r *wire.Reader)    { r.Rest() }
