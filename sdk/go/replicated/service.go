package replicated

import (
	"innkeeper"
	"innkeeper/crdt"
	"innkeeper/internal/boundary"
	"innkeeper/wire"
)

// View says how much a method sees, where all of a large value would be too much. Default: all of it.
type View struct {
	method string
	how    boundary.ViewCase
	field  string
	look   func(payload []byte) [][]byte
}

// Nothing: only the size.
func Nothing(method string) View {
	return View{method: method, how: boundary.ViewNothing}
}

// ElementNamed: only the element or key that a field of the request names (as in the .proto). The field is single, and the
// element is of its type.
func ElementNamed(method, field string) View {
	return View{method: method, how: boundary.ViewElement, field: field}
}

// Dynamic: only the elements or keys that are computed from the request.
func Dynamic[Q wire.MessageOf[Q], T any](method string, element crdt.Element[T], look func(request Q) []T) View {
	return View{method: method, how: boundary.ViewDynamic, look: func(payload []byte) [][]byte {
		request, problem := wire.Read[Q](payload)
		if problem != "" {
			// `decide` refuses the command.
			return nil
		}
		elements := look(request)
		keys := make([][]byte, len(elements))
		for i, one := range elements {
			keys[i] = element.Encode(one)
		}
		return keys
	}}
}

// Method of a service, for generated code.
type Method[V any] struct {
	Name      string
	request   string
	run       func(view V, entity string, command *boundary.Command) (decision Decision, problem string)
	changed   func(view V, note []byte, when occasion) (told Told, problem string)
	cancelled func(view V, note []byte, when occasion) (left Left, problem string)
	// The element that a field of the request names.
	named func(payload []byte, field string) (element []byte, has bool)
}

// Handlers of a service, made by generated code.
type Handlers[V any] struct {
	Service string
	Methods []Method[V]
}

// Request is a message that names elements.
type Request[Q any] interface {
	wire.MessageOf[Q]
	ProtoElement(field string) (element []byte, has bool)
}

// Unary is for generated code.
func Unary[V any, Q Request[Q], R innkeeper.Message](
	name string,
	handle func(view V, request Q, c *Command[V, R]) Decision,
) Method[V] {
	var none Q
	return Method[V]{
		Name:    name,
		request: none.ProtoName(),
		named:   named[Q],
		run: func(view V, entity string, command *boundary.Command) (Decision, string) {
			request, problem := wire.Read[Q](command.Payload)
			if problem != "" {
				return Decision{}, problem
			}
			return handle(view, request, &Command[V, R]{contextOf(entity, command)}), ""
		},
	}
}

// Streamed is for generated code.
func Streamed[V any, Q Request[Q], R innkeeper.Message](
	name string,
	handle func(view V, request Q, c *StreamCommand[V, R]) Decision,
	changed func(view V, request Q, c *Change[R]) Told,
	cancelled func(view V, request Q, c *Leaving) Left,
) Method[V] {
	var none Q
	return Method[V]{
		Name:    name,
		request: none.ProtoName(),
		named:   named[Q],
		run: func(view V, entity string, command *boundary.Command) (Decision, string) {
			request, problem := wire.Read[Q](command.Payload)
			if problem != "" {
				return Decision{}, problem
			}
			return handle(view, request, &StreamCommand[V, R]{Command[V, R]{contextOf(entity, command)}}), ""
		},
		changed: func(view V, note []byte, when occasion) (Told, string) {
			request, problem := wire.Read[Q](note)
			if problem != "" {
				return Told{}, problem
			}
			return changed(view, request, &Change[R]{when}), ""
		},
		cancelled: func(view V, note []byte, when occasion) (Left, string) {
			request, problem := wire.Read[Q](note)
			if problem != "" {
				return Left{}, problem
			}
			return cancelled(view, request, &Leaving{when}), ""
		},
	}
}

func contextOf(entity string, command *boundary.Command) *innkeeper.Context {
	return innkeeper.NewContext(entity, command.Now, command.Seed, command.Metadata)
}

func named[Q Request[Q]](payload []byte, field string) ([]byte, bool) {
	request, problem := wire.Read[Q](payload)
	if problem != "" {
		return nil, false
	}
	return request.ProtoElement(field)
}

// New defines a service of replicated entities: `value` says of which kind, such as crdt.ORMap(crdt.Text, crdt.PNCounter()).
func New[V any](handlers Handlers[V], value crdt.Kind[V], views ...View) innkeeper.Service {
	s := &service[V]{name: handlers.Service, value: value}
	for _, method := range handlers.Methods {
		s.methods = append(s.methods, methodWithView[V]{Method: method})
	}
	described := make([]boundary.MethodView, len(views))
	for i, view := range views {
		name := handlers.Service + "/" + view.method
		method := s.method(view.method)
		if method == nil {
			panic(name + " has a view, and is no method")
		}
		if method.view.how != boundary.ViewAll {
			panic(name + " has two views")
		}
		if view.how != boundary.ViewNothing && !value.HasElements() {
			panic(name + " looks at an element, but the value has none")
		}
		if view.how == boundary.ViewElement {
			if _, has := method.named(nil, view.field); !has {
				panic(name + ": " + method.request + " has no single field " + view.field)
			}
		}
		method.view = view
		described[i] = boundary.MethodView{Method: view.method, View: view.how, Field: view.field}
	}
	return innkeeper.Service{
		Name:       handlers.Service,
		Kind:       boundary.KindReplicated,
		Views:      described,
		Replicated: s,
	}
}

type methodWithView[V any] struct {
	Method[V]
	view View
}

type service[V any] struct {
	name    string
	methods []methodWithView[V]
	value   crdt.Kind[V]
}

func (s *service[V]) method(name string) *methodWithView[V] {
	for i := range s.methods {
		if s.methods[i].Name == name {
			return &s.methods[i]
		}
	}
	return nil
}

func (s *service[V]) Reads(command boundary.Command) [][]byte {
	if method := s.method(command.Method); method != nil {
		boundary.Begin()
		return method.elements(command.Payload)
	}
	return nil
}

func (m *methodWithView[V]) elements(payload []byte) [][]byte {
	switch m.view.how {
	case boundary.ViewDynamic:
		return m.view.look(payload)
	case boundary.ViewElement:
		element, _ := m.named(payload, m.view.field)
		return [][]byte{element}
	}
	return nil
}

// open makes a view, which knows which elements the host has looked up for it.
func (s *service[V]) open(method *methodWithView[V], seen crdt.Seen, payload []byte) V {
	if seen.Partial {
		seen = seen.LookedAt(method.elements(payload))
	}
	return s.value.Open(seen)
}

func (s *service[V]) Decide(entity string, bytes []byte, command boundary.Command) boundary.ReplicatedDecision {
	method := s.method(command.Method)
	if method == nil {
		return boundary.ReplicatedDecision{Outcome: boundary.UnknownMethod(s.name, command.Method)}
	}
	boundary.Begin()
	seen := crdt.ReadView(clone(bytes))
	view := s.open(method, seen, command.Payload)
	boundary.BeginLines()
	decision, problem := method.run(view, entity, &command)
	if problem != "" {
		return boundary.ReplicatedDecision{Outcome: boundary.MalformedRequest(method.request, problem)}
	}
	name := s.named(method)
	if decision.answer == nil {
		panic(name + " answered neither accept nor refuse")
	}
	result := s.changes(seen, decision.change)
	if decision.answer.Computed() && len(decision.change.operations) > 0 {
		result.After, result.Note = true, bytes
		boundary.TakeLines()
	} else {
		result.Outcome = decision.answer.Outcome(name, view)
		result.Outcome.Logs = boundary.TakeLines()
	}
	if decision.answer.Refusal != nil {
		return boundary.ReplicatedDecision{Outcome: result.Outcome}
	}
	if decision.answer.Stream {
		result.Subscribe, result.Subscription = true, command.Payload
	}
	return result
}

func (s *service[V]) changes(seen crdt.Seen, change change) boundary.ReplicatedDecision {
	var initial []byte
	if !seen.Exists && !change.removed {
		initial = s.value.Initial()
	}
	operations := crdt.EncodeOperations(change.operations, initial)
	if change.consistency != innkeeper.Local {
		operations = append(operations, 2<<3, byte(change.consistency))
	}
	return boundary.ReplicatedDecision{Operations: operations, Delete: change.removed}
}

func (s *service[V]) Render(entity string, bytes []byte, command boundary.Command, note []byte) boundary.Outcome {
	method := s.method(command.Method)
	if method == nil {
		panic(s.name + "/" + command.Method + " is to render what it did not decide")
	}
	boundary.Begin()
	before := s.open(method, crdt.ReadView(clone(note)), command.Payload)
	after := s.open(method, crdt.ReadView(clone(bytes)), command.Payload)
	boundary.BeginLines()
	var decision Decision
	var problem string
	boundary.Again(func() { decision, problem = method.run(before, entity, &command) })
	if problem != "" || decision.answer == nil {
		panic(s.named(method) + " is to render what it did not decide")
	}
	outcome := decision.answer.Outcome(s.named(method), after)
	outcome.Logs = boundary.TakeLines()
	return outcome
}

func (s *service[V]) Changed(
	entity string,
	bytes []byte,
	subscriptions []boundary.Subscription,
	now float64,
) []boundary.StreamStep {
	seen := crdt.ReadView(clone(bytes))
	steps := make([]boundary.StreamStep, len(subscriptions))
	for i, subscription := range subscriptions {
		boundary.Begin()
		method := s.subscribed(subscription.Method)
		view := s.open(method, seen, subscription.Note)
		boundary.BeginLines()
		told, problem := method.changed(view, subscription.Note, occasion{entity: entity, now: now})
		if problem != "" || !told.said {
			panic(s.named(method) + ": a change is told by c.Emit, c.Silent, c.End, c.EndWith or c.Refuse")
		}
		outcome := told.answer.Outcome(s.named(method), nil)
		outcome.Logs = boundary.TakeLines()
		steps[i] = boundary.StreamStep{
			Subscription: subscription.ID,
			Told:         told.element || len(outcome.Effects) > 0 || len(outcome.Logs) > 0,
			Outcome:      outcome,
			End:          told.end,
		}
	}
	return steps
}

func (s *service[V]) Cancelled(
	entity string,
	bytes []byte,
	subscription boundary.Subscription,
	now float64,
) boundary.ReplicatedDecision {
	method := s.subscribed(subscription.Method)
	boundary.Begin()
	seen := crdt.ReadView(clone(bytes))
	view := s.open(method, seen, subscription.Note)
	boundary.BeginLines()
	left, problem := method.cancelled(view, subscription.Note, occasion{entity: entity, now: now})
	if problem != "" || left.answer == nil {
		panic(s.named(method) + ": who left is answered by c.Accept or c.Remove")
	}
	result := s.changes(seen, left.change)
	result.Outcome = left.answer.Outcome(s.named(method), nil)
	result.Outcome.Logs = boundary.TakeLines()
	return result
}

func (s *service[V]) subscribed(name string) *methodWithView[V] {
	method := s.method(name)
	if method == nil || method.changed == nil {
		panic(s.name + "/" + name + " has no streams")
	}
	return method
}

func (s *service[V]) named(method *methodWithView[V]) string {
	return s.name + "/" + method.Name
}

// clone: a view may be kept by whoever is given it, the memory of the call not.
func clone(bytes []byte) []byte {
	return append([]byte{}, bytes...)
}
