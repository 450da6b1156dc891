package innkeepertest

import (
	"testing"

	"innkeeper"
	"innkeeper/internal/boundary"
	"innkeeper/wire"
)

// EventSourcedKit is the test kit of an event-sourced service.
type EventSourcedKit struct {
	t       testing.TB
	service innkeeper.Service
	naming  naming
}

// EventSourced makes the kit.
func EventSourced(t testing.TB, service innkeeper.Service) *EventSourcedKit {
	if service.EventSourced == nil {
		t.Fatalf("%s is not event-sourced", service.Name)
	}
	return &EventSourcedKit{t, service, naming{}}
}

// Events are what is expected; none, if none are given.
func Events(events ...innkeeper.Message) []innkeeper.Message {
	return events
}

// History is an entity with what it went through.
type History struct {
	kit *EventSourcedKit
	// Before the first command.
	start    []byte
	commands []boundary.Command
	state    []byte
}

// Entity names the entities of the tests that follow; without it the first request of a test does.
func (k *EventSourcedKit) Entity(key string) *EventSourcedKit {
	named := *k
	named.naming = naming{given: key}
	return &named
}

// asked is the kit of a test whose entity has its name.
func (k *EventSourcedKit) asked(entity string) *EventSourcedKit {
	named := *k
	named.naming.asked = entity
	return &named
}

// Given is an entity with these events.
func (k *EventSourcedKit) Given(events ...innkeeper.Message) *History {
	k.t.Helper()
	var state []byte
	again(func() { state = k.service.EventSourced.Evolve("", nil, boundary.TypedAll(events, nil)) })
	return &History{kit: k, start: state, state: state}
}

// State reads the state, folded from everything so far, into a message.
func (h *History) State(into innkeeper.Message) {
	h.kit.t.Helper()
	reader := wire.NewReader(h.state)
	if into.ProtoRead(&reader); reader.Problem() != "" || into.ProtoName() != h.kit.service.StateType {
		h.kit.t.Fatalf("the state is no %s", into.ProtoName())
	}
}

// Decided is what a command came to. Each check answers with what the next one is asked of.
type Decided struct {
	answer
	events []boundary.Typed
	after  *History
}

// When the entity is given a command.
func (h *History) When(call innkeeper.Call) *Decided {
	t, service := h.kit.t, h.kit.service.EventSourced
	t.Helper()
	a := answer{t: t, name: call.Service + "/" + call.Method}
	a.checkService(&h.kit.service, call)
	command := commandOf(t, call, len(h.commands))
	entity := h.kit.naming.of(t, call)
	commands := append(h.commands[:len(h.commands):len(h.commands)], command)

	var single, same, batch []boundary.Decision
	var next, folded, whole []byte
	first(t, func() { single, next, _ = service.Decide(entity, h.state, []boundary.Command{command}, true) })
	again(func() {
		same, _, _ = service.Decide(entity, h.state, []boundary.Command{command}, true)
		folded = service.Evolve(entity, h.state, single[0].Events)
		batch, whole, _ = service.Decide(entity, h.start, commands, true)
	})
	law(t, a.name, "L4, the same command again decides otherwise", single, same)
	law(t, a.name, "L2, the state is not the fold of the events; a handler changes the state it is given?", folded, next)
	law(t, a.name, "L1, in a batch it decides otherwise than alone", single[0], batch[len(batch)-1])
	law(t, a.name, "L1, in a batch it leaves another state than alone", next, whole)

	a.outcome = single[0].Outcome
	return &Decided{a, single[0].Events, &History{h.kit.asked(entity), h.start, commands, next}}
}

// Then it accepts, with exactly these events and this reply.
func (d *Decided) Then(events []innkeeper.Message, reply innkeeper.Message) *History {
	d.t.Helper()
	d.replies(reply)
	return d.caused(events)
}

// Forwards: it accepts with exactly these events, and another command answers.
func (d *Decided) Forwards(events []innkeeper.Message, to innkeeper.Call) *History {
	d.t.Helper()
	d.forwards(to)
	return d.caused(events)
}

// Later: it accepts with exactly these events, and answers when the ticket is resolved.
func (d *Decided) Later(events []innkeeper.Message, ticket string, within ...innkeeper.Limit) *History {
	d.t.Helper()
	d.later(ticket, within)
	return d.caused(events)
}

// Refuses with this code and, if one is given, this message.
func (d *Decided) Refuses(code innkeeper.Code, message ...string) *History {
	d.t.Helper()
	d.refuses(code, message)
	return d.after
}

// Effects are exactly these, in order.
func (d *Decided) Effects(effects ...Effect) *Decided {
	d.t.Helper()
	d.effects(effects)
	return d
}

// Cancels exactly the pending effects of these names, in order.
func (d *Decided) Cancels(names ...string) *Decided {
	d.t.Helper()
	d.cancels(names)
	return d
}

// Resolves exactly these, in order.
func (d *Decided) Resolves(resolutions ...innkeeper.Resolution) *Decided {
	d.t.Helper()
	d.resolves(resolutions)
	return d
}

// Metadata has this header.
func (d *Decided) Metadata(header innkeeper.Header) *Decided {
	d.t.Helper()
	d.metadata(header)
	return d
}

func (d *Decided) caused(events []innkeeper.Message) *History {
	d.t.Helper()
	if got, want := showTyped(d.events, events), showTyped(boundary.TypedAll(events, nil), events); got != want {
		d.fail("the events", want, got)
	}
	return d.after
}
