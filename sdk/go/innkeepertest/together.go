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
//   - A refused effect does not fail the command that caused it: a host parks it. An ask is not parked: its entity hears the refusal.
//   - Time stands still but for Turn, which brings effects that are due later in the order of their time. An ask within a time has failed when
//     Turn goes past it, also if its target has deferred the reply: the ticket stays open, and means nothing to this asker.
//   - A caller whose reply comes later is answered when its ticket is resolved; until then it Waits. If the ticket ends before, or an ask's own
//     time, who asked hears that nobody knows whether it happened.
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
	now      float64
	timeline timeline
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

// Pending is an effect that is due later.
type Pending struct {
	Effect
	// DueMs is in milliseconds since 1970.
	DueMs int64
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
		now:      startMs,
	}
	for _, service := range services {
		if _, is := m.services[service.Name]; is {
			t.Fatalf("%s is here twice", service.Name)
		}
		m.services[service.Name] = service
	}
	return m
}

// Came is what a caller got, or will get.
type Came struct {
	answer
	promise *promise
}

// Call is a caller's command; it and all that comes of it is done when this answers.
func (m *Meeting) Call(call innkeeper.Call) *Came {
	m.t.Helper()
	return &Came{answer{t: m.t, name: call.Service + "/" + call.Method}, m.run(call, 0, "")}
}

// Turn lets so much time pass: what is due by then is done.
func (m *Meeting) Turn(d innkeeper.Duration) {
	m.t.Helper()
	end := m.now + boundary.EffectOf(innkeeper.Call{}, []boundary.Moment{boundary.After(d)}).DueMs
	for one, is := m.timeline.next(end); is; one, is = m.timeline.next(end) {
		// Of what was due in the past, the time is not that.
		m.now = max(m.now, one.ms)
		one.act()
	}
	m.now = end
}

// Pending are effects that are due later, in the order of their time.
func (m *Meeting) Pending() []Pending {
	var pending []Pending
	for _, one := range m.timeline.due {
		if one.effect != nil {
			pending = append(pending, Pending{*one.effect, int64(one.ms)})
		}
	}
	return pending
}

// Waits: the reply comes later, its ticket is open.
func (c *Came) Waits() {
	c.t.Helper()
	if c.promise.outcome != nil {
		c.answered()
		c.fail("the answer", "later", c.shown(nil))
	}
}

// answered is the answer that is there.
func (c *Came) answered() {
	c.t.Helper()
	if c.promise.outcome == nil {
		c.t.Fatalf("%s: the reply comes later: its ticket is open", c.name)
	}
	c.outcome = *c.promise.outcome
}

// Read the reply, to look at and to go on with, into a message of its type.
func (c *Came) Read(into innkeeper.Message) {
	c.t.Helper()
	c.answered()
	c.answer.Read(into)
}

// Replies with this message.
func (c *Came) Replies(reply innkeeper.Message) {
	c.t.Helper()
	c.answered()
	c.replies(reply)
}

// Refuses with this code and, if one is given, this message.
func (c *Came) Refuses(code innkeeper.Code, message ...string) {
	c.t.Helper()
	c.answered()
	c.refuses(code, message)
}

// run a command. The asker is the entity that hears an answer by it, whose request names none.
func (m *Meeting) run(call innkeeper.Call, hops int, asker string) *promise {
	m.t.Helper()
	service, is := m.services[call.Service]
	if !is {
		m.t.Fatalf("%s is not here: give it to Together", call.Service)
	}
	if hops > hopsMax {
		m.t.Fatalf("%s/%s is the last of %d hops, too many", call.Service, call.Method, hops)
	}
	command := commandOf(m.t, call, m.count)
	command.Now = m.now
	m.count++
	if asker != "" {
		call.Entity = asker
	}
	from := place{service: service.Name}
	if service.Action == nil {
		from.entity = naming{}.of(m.t, call)
	}
	outcome := m.decided(&service, call, command)
	answered := new(promise)
	isLater := outcome.Failure == nil && outcome.Reply == boundary.ReplyLater
	if isLater {
		m.timeline.wait(ticket{from, call.Method, outcome.Ticket}, answered)
		if outcome.WithinS != 0 {
			act := func() { answered.settle(&lateReply) }
			m.timeline.add(due{ms: m.now + 1000*float64(outcome.WithinS), act: act})
		}
	}
	for _, one := range outcome.Resolves {
		resolved := boundary.Outcome{Failure: one.Failure, Payload: one.Payload, Metadata: one.Headers}
		m.timeline.resolve(ticket{from, one.Method, one.Ticket}, &resolved)
	}
	for _, name := range outcome.Cancels {
		m.timeline.cancel(from, name)
	}
	// All are of one commit: what the answer to an effect cancels is pending by then.
	for _, effect := range outcome.Effects {
		m.pend(effect, from)
	}
	for _, effect := range outcome.Effects {
		if effect.Due == boundary.DueAtOnce {
			m.deliver(effect, from, m.now, hops+1)
		}
	}
	switch {
	case isLater:
	case outcome.Failure == nil && outcome.Reply == boundary.ReplyForward:
		return m.run(outcome.Forward, hops+1, "")
	default:
		answered.settle(&outcome)
	}
	return answered
}

// pend an effect, if it is due later.
func (m *Meeting) pend(effect Effect, from place) {
	m.t.Helper()
	if effect.Name != "" {
		// A pending one of this name is replaced.
		m.timeline.cancel(from, effect.Name)
	}
	at := effect.DueMs
	switch effect.Due {
	case boundary.DueAtOnce:
		return
	case boundary.DueAfter:
		at += m.now
	}
	m.timeline.add(due{ms: at, effect: &effect, from: from, act: func() { m.deliver(effect, from, at, 0) }})
}

func (m *Meeting) deliver(effect Effect, from place, ms float64, hops int) {
	m.t.Helper()
	called := new(promise)
	if _, isHere := m.services[effect.Service]; isHere {
		called = m.run(effect.Call, hops, "")
	} else {
		m.Outside = append(m.Outside, effect.Call)
	}
	hearing := effect.Answer
	if hearing == nil {
		called.heardBy(func(outcome *boundary.Outcome) {
			if failure := outcome.Failure; failure != nil {
				m.Parked = append(m.Parked, Parked{effect.Call, failure.Code, failure.Message})
			}
		})
		return
	}
	heard := false
	hear := func(outcome *boundary.Outcome, reason innkeeper.Reason) {
		if heard {
			return
		}
		heard = true
		payload := answerBytes(outcome, hearing.Note, reason)
		m.run(innkeeper.Call{Service: from.service, Method: hearing.Method, Payload: payload}, hops, from.entity)
	}
	called.heardBy(func(outcome *boundary.Outcome) {
		reason := innkeeper.ReasonRefused
		if outcome == &lateReply {
			reason = innkeeper.ReasonUnknown
		}
		hear(outcome, reason)
	})
	if !heard && effect.WithinMs != 0 {
		late := boundary.Refused(innkeeper.DeadlineExceeded, "the call was not answered in time")
		m.timeline.add(due{ms: ms + effect.WithinMs, act: func() { hear(&late, innkeeper.ReasonUnknown) }})
	}
}

// lateReply is what a caller hears whose ticket ends. Who asked hears that nobody knows whether the call has happened.
var lateReply = boundary.Refused(innkeeper.DeadlineExceeded, "the reply did not come in time")

// answerBytes is the request of the method that hears an answer.
func answerBytes(outcome *boundary.Outcome, note []byte, reason innkeeper.Reason) []byte {
	var b []byte
	if failure := outcome.Failure; failure != nil {
		b = appendField(b, 2, statusBytes(failure.Code, failure.Message, failure.Details, reason))
	} else {
		b = appendField(b, 1, outcome.Payload)
	}
	if len(note) > 0 {
		b = appendField(b, 3, note)
	}
	return b
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
