package innkeepertest

import (
	"encoding/hex"
	"testing"

	"innkeeper"
	"innkeeper/crdt"
	"innkeeper/internal/boundary"
)

// ReplicatedKit is the test kit of a replicated service. Its entities live on one node: operations change them, nothing merges.
type ReplicatedKit[V any] struct {
	t       testing.TB
	service innkeeper.Service
	kind    crdt.Kind[V]
	naming  naming
}

// Replicated makes the kit; `kind` is that of the service.
func Replicated[V any](t testing.TB, service innkeeper.Service, kind crdt.Kind[V]) *ReplicatedKit[V] {
	if service.Replicated == nil {
		t.Fatalf("%s is not replicated", service.Name)
	}
	return &ReplicatedKit[V]{t, service, kind, naming{}}
}

// Operations says a change as a handler does. Nil: none.
type Operations[V any] func(view V) []crdt.Operation

// Ops makes a list of operations.
func Ops(operations ...crdt.Operation) []crdt.Operation {
	return operations
}

// Replica is an entity.
type Replica[V any] struct {
	kit   *ReplicatedKit[V]
	value *replica
	index int
}

// Entity names the entities of the tests that follow; without it the first request of a test does.
func (k *ReplicatedKit[V]) Entity(key string) *ReplicatedKit[V] {
	named := *k
	named.naming = naming{given: key}
	return &named
}

// asked is the kit of a test whose entity has its name.
func (k *ReplicatedKit[V]) asked(entity string) *ReplicatedKit[V] {
	named := *k
	named.naming.asked = entity
	return &named
}

// Given is an entity after these changes, one after the other; none: it does not exist yet.
func (k *ReplicatedKit[V]) Given(changes ...Operations[V]) *Replica[V] {
	r := &Replica[V]{kit: k}
	for _, change := range changes {
		r.value = applied(r.value, r.operations(change))
	}
	return r
}

// View of the whole value.
func (r *Replica[V]) View() V {
	return r.kit.kind.Open(crdt.ReadView(r.value.view(false, nil)))
}

func (r *Replica[V]) operations(change Operations[V]) []byte {
	var initial []byte
	if r.value == nil {
		initial = r.kit.kind.Initial()
	}
	if change == nil {
		return crdt.EncodeOperations(nil, initial)
	}
	return crdt.EncodeOperations(change(r.View()), initial)
}

// seen is the view that a method has declared.
func (r *Replica[V]) seen(command boundary.Command) []byte {
	return seenBy(&r.kit.service, r.value, command)
}

func seenBy(service *innkeeper.Service, value *replica, command boundary.Command) []byte {
	for _, view := range service.Views {
		switch {
		case view.Method != command.Method:
		case view.View == boundary.ViewNothing:
			return value.view(true, nil)
		default:
			var elements [][]byte
			again(func() { elements = service.Replicated.Reads(command) })
			return value.view(true, elements)
		}
	}
	return value.view(false, nil)
}

// DecidedReplica is what a command, or a client that left, came to.
type DecidedReplica[V any] struct {
	answer
	decision boundary.ReplicatedDecision
	before   *Replica[V]
	after    *Replica[V]
}

// When the entity is given a command.
func (r *Replica[V]) When(call innkeeper.Call) *DecidedReplica[V] {
	t, service := r.kit.t, r.kit.service.Replicated
	t.Helper()
	a := answer{t: t, name: call.Service + "/" + call.Method}
	a.checkService(&r.kit.service, call)
	command := commandOf(t, call, r.index)
	entity := r.kit.naming.of(t, call)
	r = &Replica[V]{r.kit.asked(entity), r.value, r.index}
	view := r.seen(command)
	var decision, same boundary.ReplicatedDecision
	first(t, func() { decision = service.Decide(entity, view, command) })
	again(func() { same = service.Decide(entity, view, command) })
	law(t, a.name, "L4, the same command again decides otherwise", decision, same)
	after := r.after(decision)
	a.outcome = decision.Outcome
	if decision.After {
		seen := r.operated(decision).seen(command)
		first(t, func() { a.outcome = service.Render(entity, seen, command, decision.Note) })
	}
	return &DecidedReplica[V]{a, decision, r, after}
}

// Cancelled: the client that opened a stream with this call has left.
func (r *Replica[V]) Cancelled(call innkeeper.Call) *DecidedReplica[V] {
	r.kit.t.Helper()
	command := commandOf(r.kit.t, call, r.index)
	a := answer{t: r.kit.t, name: call.Service + "/" + call.Method + ", cancelled"}
	view := r.seen(command)
	var decision boundary.ReplicatedDecision
	first(r.kit.t, func() {
		decision = r.kit.service.Replicated.Cancelled(r.kit.naming.of(r.kit.t, call), view, subscriptionOf(call), command.Now)
	})
	a.outcome = decision.Outcome
	return &DecidedReplica[V]{a, decision, r, r.after(decision)}
}

func subscriptionOf(call innkeeper.Call) boundary.Subscription {
	return boundary.Subscription{ID: "subscription", Method: call.Method, Note: call.Payload}
}

func (r *Replica[V]) after(decision boundary.ReplicatedDecision) *Replica[V] {
	if decision.Delete {
		return &Replica[V]{r.kit, nil, r.index + 1}
	}
	return r.operated(decision)
}

// operated is the entity with the operations, before a deletion.
func (r *Replica[V]) operated(decision boundary.ReplicatedDecision) *Replica[V] {
	return &Replica[V]{r.kit, applied(r.value, decision.Operations), r.index + 1}
}

// Then it accepts, with exactly this change and this reply.
func (d *DecidedReplica[V]) Then(change Operations[V], reply innkeeper.Message) *Replica[V] {
	d.t.Helper()
	d.replies(reply)
	return d.changed(change, false)
}

// ThenRemoved: it accepts and deletes the entity, with this reply.
func (d *DecidedReplica[V]) ThenRemoved(reply innkeeper.Message) *Replica[V] {
	d.t.Helper()
	d.replies(reply)
	if !d.decision.Delete {
		d.fail("the entity", "deleted", "kept")
	}
	return d.after
}

// Forwards: it accepts with exactly this change, and another command answers.
func (d *DecidedReplica[V]) Forwards(change Operations[V], to innkeeper.Call) *Replica[V] {
	d.t.Helper()
	d.forwards(to)
	return d.changed(change, false)
}

// Streams: it accepts with exactly this change, sends a first element (nil: none), and the stream stays open.
func (d *DecidedReplica[V]) Streams(change Operations[V], first innkeeper.Message) *Replica[V] {
	d.t.Helper()
	if first == nil {
		d.nothing()
	} else {
		d.replies(first)
	}
	return d.changed(change, true)
}

// Leaves: what a client that left changes. For Cancelled.
func (d *DecidedReplica[V]) Leaves(change Operations[V]) *Replica[V] {
	d.t.Helper()
	d.nothing()
	return d.changed(change, false)
}

// Later: it accepts with exactly this change, and answers when the ticket is resolved.
func (d *DecidedReplica[V]) Later(change Operations[V], ticket string, within ...innkeeper.Limit) *Replica[V] {
	d.t.Helper()
	d.later(ticket, within)
	return d.changed(change, false)
}

// Refuses with this code and, if one is given, this message.
func (d *DecidedReplica[V]) Refuses(code innkeeper.Code, message ...string) *Replica[V] {
	d.t.Helper()
	d.refuses(code, message)
	return d.after
}

// Effects are exactly these, in order.
func (d *DecidedReplica[V]) Effects(effects ...Effect) *DecidedReplica[V] {
	d.t.Helper()
	d.effects(effects)
	return d
}

// Cancels exactly the pending effects of these names, in order.
func (d *DecidedReplica[V]) Cancels(names ...string) *DecidedReplica[V] {
	d.t.Helper()
	d.cancels(names)
	return d
}

// Resolves exactly these, in order.
func (d *DecidedReplica[V]) Resolves(resolutions ...innkeeper.Resolution) *DecidedReplica[V] {
	d.t.Helper()
	d.resolves(resolutions)
	return d
}

// Metadata has this header.
func (d *DecidedReplica[V]) Metadata(header innkeeper.Header) *DecidedReplica[V] {
	d.t.Helper()
	d.metadata(header)
	return d
}

func (d *DecidedReplica[V]) changed(change Operations[V], stream bool) *Replica[V] {
	d.t.Helper()
	if d.decision.Delete {
		d.fail("the entity", "kept", "deleted")
	}
	want := hex.EncodeToString(d.before.operations(change))
	if got := hex.EncodeToString(d.decision.Operations); got != want {
		d.fail("the operations (bytes of innkeeper.crdt.v1.Operations)", want, got)
	}
	if d.decision.Subscribe != stream {
		d.t.Fatalf("%s: the stream stays open: %t, expected %t", d.name, d.decision.Subscribe, stream)
	}
	return d.after
}

// ToldSubscriber is what a subscriber was told of a change.
type ToldSubscriber[V any] struct {
	answer
	step    boundary.StreamStep
	replica *Replica[V]
}

// Changed: what a subscriber is told now that opened its stream with this call.
func (r *Replica[V]) Changed(call innkeeper.Call) *ToldSubscriber[V] {
	r.kit.t.Helper()
	command := commandOf(r.kit.t, call, r.index)
	subscriptions := []boundary.Subscription{subscriptionOf(call)}
	view := r.seen(command)
	var step boundary.StreamStep
	first(r.kit.t, func() {
		step = r.kit.service.Replicated.Changed(r.kit.naming.of(r.kit.t, call), view, subscriptions, command.Now)[0]
	})
	a := answer{t: r.kit.t, name: call.Service + "/" + call.Method + ", changed", outcome: step.Outcome}
	return &ToldSubscriber[V]{a, step, r}
}

// Tells the subscriber, and goes on.
func (s *ToldSubscriber[V]) Tells(element innkeeper.Message) *Replica[V] {
	s.t.Helper()
	s.replies(element)
	return s.ends(false)
}

// Silent tells nothing, and goes on.
func (s *ToldSubscriber[V]) Silent() *Replica[V] {
	s.t.Helper()
	s.nothing()
	return s.ends(false)
}

// EndsWith tells the subscriber (nil: nothing), and ends.
func (s *ToldSubscriber[V]) EndsWith(element innkeeper.Message) *Replica[V] {
	s.t.Helper()
	if element == nil {
		s.nothing()
	} else {
		s.replies(element)
	}
	return s.ends(true)
}

// Refuses with this code and, if one is given, this message.
func (s *ToldSubscriber[V]) Refuses(code innkeeper.Code, message ...string) *Replica[V] {
	s.t.Helper()
	s.refuses(code, message)
	return s.ends(true)
}

func (s *ToldSubscriber[V]) ends(end bool) *Replica[V] {
	s.t.Helper()
	if s.step.End != end {
		s.t.Fatalf("%s: the stream ends: %t, expected %t", s.name, s.step.End, end)
	}
	return s.replica
}

func (a *answer) nothing() {
	a.t.Helper()
	if got := a.shown(nil); got != "nothing" {
		a.fail("the answer", "nothing", got)
	}
}
