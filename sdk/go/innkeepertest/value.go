package innkeepertest

import (
	"testing"

	"innkeeper"
	"innkeeper/internal/boundary"
	"innkeeper/wire"
)

// ValueKit is the test kit of a service of values.
type ValueKit struct {
	t       testing.TB
	service innkeeper.Service
	naming  naming
}

// Value makes the kit.
func Value(t testing.TB, service innkeeper.Service) *ValueKit {
	if service.Value == nil {
		t.Fatalf("%s keeps no value", service.Name)
	}
	return &ValueKit{t, service, naming{}}
}

// Change is what becomes of a value.
type Change struct {
	change boundary.Change
	value  innkeeper.Message
}

// Unchanged: the value stays.
func Unchanged() Change {
	return Change{}
}

// Updated: the value is this one.
func Updated(value innkeeper.Message) Change {
	return Change{boundary.Updated, value}
}

// Removed: the value is gone.
func Removed() Change {
	return Change{change: boundary.Deleted}
}

// Keeping is an entity with its value.
type Keeping struct {
	kit *ValueKit
	// Before the first command.
	start    []byte
	commands []boundary.Command
	value    []byte
}

// Entity names the entities of the tests that follow; without it the first request of a test does.
func (k *ValueKit) Entity(key string) *ValueKit {
	named := *k
	named.naming = naming{given: key}
	return &named
}

// asked is the kit of a test whose entity has its name.
func (k *ValueKit) asked(entity string) *ValueKit {
	named := *k
	named.naming.asked = entity
	return &named
}

// Given is an entity with this value; nil: without one.
func (k *ValueKit) Given(value innkeeper.Message) *Keeping {
	var bytes []byte
	if value != nil {
		bytes = value.ProtoAppend([]byte{})
	}
	return &Keeping{kit: k, start: bytes, value: bytes}
}

// DecidedValue is what a command came to. Each check answers with what the next one is asked of.
type DecidedValue struct {
	answer
	decision boundary.ValueDecision
	after    *Keeping
}

// When the entity is given a command.
func (k *Keeping) When(call innkeeper.Call) *DecidedValue {
	t, service := k.kit.t, k.kit.service.Value
	t.Helper()
	a := answer{t: t, name: call.Service + "/" + call.Method}
	a.checkService(&k.kit.service, call)
	command := commandOf(t, call, len(k.commands))
	entity := k.kit.naming.of(t, call)
	commands := append(k.commands[:len(k.commands):len(k.commands)], command)

	var single, same boundary.ValueDecision
	var batch []boundary.ValueDecision
	first(t, func() { single = service.Decide(entity, k.value, []boundary.Command{command})[0] })
	again(func() {
		same = service.Decide(entity, k.value, []boundary.Command{command})[0]
		batch = service.Decide(entity, k.start, commands)
	})
	law(t, a.name, "L4, the same command again decides otherwise", single, same)
	law(t, a.name, "L1, in a batch it decides otherwise than alone", single, batch[len(batch)-1])

	a.outcome = single.Outcome
	after := &Keeping{k.kit.asked(entity), k.start, commands, k.value}
	switch single.Change {
	case boundary.Updated:
		after.value = single.Value
	case boundary.Deleted:
		after.value = nil
	}
	return &DecidedValue{a, single, after}
}

// Then it accepts, with this change and this reply.
func (d *DecidedValue) Then(change Change, reply innkeeper.Message) *Keeping {
	d.t.Helper()
	d.replies(reply)
	return d.changed(change)
}

// Forwards: it accepts with this change, and another command answers.
func (d *DecidedValue) Forwards(change Change, to innkeeper.Call) *Keeping {
	d.t.Helper()
	d.forwards(to)
	return d.changed(change)
}

// Later: it accepts with exactly this change, and answers when the ticket is resolved.
func (d *DecidedValue) Later(change Change, ticket string, within ...innkeeper.Limit) *Keeping {
	d.t.Helper()
	d.later(ticket, within)
	return d.changed(change)
}

// Refuses with this code and, if one is given, this message.
func (d *DecidedValue) Refuses(code innkeeper.Code, message ...string) *Keeping {
	d.t.Helper()
	d.refuses(code, message)
	return d.after
}

// Effects are exactly these, in order.
func (d *DecidedValue) Effects(effects ...Effect) *DecidedValue {
	d.t.Helper()
	d.effects(effects)
	return d
}

// Cancels exactly the pending effects of these names, in order.
func (d *DecidedValue) Cancels(names ...string) *DecidedValue {
	d.t.Helper()
	d.cancels(names)
	return d
}

// Resolves exactly these, in order.
func (d *DecidedValue) Resolves(resolutions ...innkeeper.Resolution) *DecidedValue {
	d.t.Helper()
	d.resolves(resolutions)
	return d
}

// Metadata has this header.
func (d *DecidedValue) Metadata(header innkeeper.Header) *DecidedValue {
	d.t.Helper()
	d.metadata(header)
	return d
}

func (d *DecidedValue) changed(change Change) *Keeping {
	d.t.Helper()
	want := showChange(change.change, change.value, nil)
	var like wire.Message
	if change.value != nil {
		like = change.value
		want = showChange(change.change, like, change.value.ProtoAppend(nil))
	}
	if got := showChange(d.decision.Change, like, d.decision.Value); got != want {
		d.fail("the value", want, got)
	}
	return d.after
}

func showChange(change boundary.Change, like wire.Message, data []byte) string {
	switch change {
	case boundary.Updated:
		return "updated to " + showBytes(data, like)
	case boundary.Deleted:
		return "removed"
	}
	return "unchanged"
}
