package innkeepertest

import (
	"fmt"
	"testing"

	"innkeeper"
	"innkeeper/internal/boundary"
)

// Meeting is several services without a host: effects and forwards of a command reach the others, as a host brings them.
//
//   - In the order of a host that does one thing at a time: what a command changes, its effects and all that comes of them, its answer.
//   - A refused effect does not fail the command that caused it: a host parks it.
//   - Each command is decided twice (law L4).
//
// Leaves to others: streams.
type Meeting struct {
	t        testing.TB
	services map[string]innkeeper.Service
	states   map[string][]byte
	replicas map[string]*replica
	deleted  map[string]bool
	count    int
	// Outside are effects on services that are not here, in order.
	Outside []innkeeper.Call
	// Parked are effects whose target refused them.
	Parked []Parked
}

// Parked is an effect that was refused.
type Parked struct {
	Call    innkeeper.Call
	Code    innkeeper.Code
	Message string
}

// hopsMax: as many as a host follows.
const hopsMax = 16

// Together makes services meet. Their entities begin with nothing.
func Together(t testing.TB, services ...innkeeper.Service) *Meeting {
	t.Helper()
	m := &Meeting{
		t:        t,
		services: map[string]innkeeper.Service{},
		states:   map[string][]byte{},
		replicas: map[string]*replica{},
		deleted:  map[string]bool{},
	}
	for _, service := range services {
		if _, is := m.services[service.Name]; is {
			t.Fatalf("%s is here twice", service.Name)
		}
		m.services[service.Name] = service
	}
	return m
}

// Came is what a caller got.
type Came struct{ answer }

// Call is a caller's command; it and all that comes of it is done when this answers.
func (m *Meeting) Call(call innkeeper.Call) *Came {
	m.t.Helper()
	return &Came{answer{t: m.t, name: call.Service + "/" + call.Method, outcome: m.run(call, 0)}}
}

// Replies with this message.
func (c *Came) Replies(reply innkeeper.Message) {
	c.t.Helper()
	c.replies(reply)
}

// Refuses with this code and, if one is given, this message.
func (c *Came) Refuses(code innkeeper.Code, message ...string) {
	c.t.Helper()
	c.refuses(code, message)
}

func (m *Meeting) run(call innkeeper.Call, hops int) boundary.Outcome {
	m.t.Helper()
	service, is := m.services[call.Service]
	if !is {
		m.t.Fatalf("%s is not here: give it to Together", call.Service)
	}
	if hops > hopsMax {
		m.t.Fatalf("%s/%s is the last of %d hops, too many", call.Service, call.Method, hops)
	}
	command := commandOf(m.t, call, m.count)
	m.count++
	outcome := m.decided(&service, call, command)
	for _, effect := range outcome.Effects {
		m.effect(effect.Call, hops+1)
	}
	if outcome.Failure == nil && outcome.Reply == boundary.ReplyForward {
		return m.run(outcome.Forward, hops+1)
	}
	return outcome
}

func (m *Meeting) effect(call innkeeper.Call, hops int) {
	m.t.Helper()
	if _, is := m.services[call.Service]; !is {
		m.Outside = append(m.Outside, call)
		return
	}
	if failure := m.run(call, hops).Failure; failure != nil {
		m.Parked = append(m.Parked, Parked{call, failure.Code, failure.Message})
	}
}

func (m *Meeting) decided(service *innkeeper.Service, call innkeeper.Call, command boundary.Command) boundary.Outcome {
	m.t.Helper()
	if service.Action != nil {
		return twice(m, call, func() boundary.Outcome { return service.Action.Call(command) })
	}
	entity := naming{}.of(m.t, call)
	at := service.Name + " " + entity
	commands := []boundary.Command{command}
	switch {
	case service.EventSourced != nil:
		type decided struct {
			boundary.Decision
			next []byte
		}
		one := twice(m, call, func() decided {
			decisions, next, _ := service.EventSourced.Decide(entity, m.states[at], commands, true)
			return decided{decisions[0], next}
		})
		m.states[at] = one.next
		return one.Outcome
	case service.Value != nil:
		one := twice(m, call, func() boundary.ValueDecision { return service.Value.Decide(entity, m.states[at], commands)[0] })
		switch one.Change {
		case boundary.Updated:
			m.states[at] = one.Value
		case boundary.Deleted:
			delete(m.states, at)
		}
		return one.Outcome
	}
	if m.deleted[at] {
		return boundary.Refused(innkeeper.NotFound, "Entity deleted")
	}
	view := seenBy(service, m.replicas[at], command)
	one := twice(m, call, func() boundary.ReplicatedDecision { return service.Replicated.Decide(entity, view, command) })
	m.replicas[at] = applied(m.replicas[at], one.Operations)
	m.deleted[at] = one.Delete
	if !one.After {
		return one.Outcome
	}
	seen := seenBy(service, m.replicas[at], command)
	return twice(m, call, func() boundary.Outcome { return service.Replicated.Render(entity, seen, command, one.Note) })
}

// twice decides twice, which must come to the same.
func twice[T any](m *Meeting, call innkeeper.Call, decide func() T) T {
	m.t.Helper()
	var one, same T
	first(m.t, func() { one = decide() })
	again(func() { same = decide() })
	law(m.t, fmt.Sprintf("%s/%s", call.Service, call.Method), "L4, the same command again decides otherwise", one, same)
	return one
}
