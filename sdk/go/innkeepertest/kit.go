// Package innkeepertest tests the rules of services without a host, with `go test`: given(...).when(call).then(...).
//
//		kit := innkeepertest.EventSourced(t, counter.Services[0])
//		kit.Given(&gen.Added{Amount: 2}).
//			When(gen.Counter.Add(&gen.AddRequest{Id: "a", Amount: 3})).
//			Then(innkeepertest.Events(&gen.Added{Amount: 3}), &gen.Value{Value: 5})
//
//	  - It runs the code of the component on encoded requests, events and states: what passes here encodes there too.
//	  - Every step checks the laws that the host relies on: a batch decides as its commands one by one, the same command again
//	    decides the same, a state is the fold of its events, a handler changes nothing that it is given.
//	  - Deterministic: time starts at 2026-01-01T00:00:00Z and moves a second with each command; the seed counts up.
//	  - A call's metadata are the headers of the command. Those that reach no function fail the test (kept.go).
//	  - Log lines are shown by the test's own log, each once: with -v, or where the test fails.
//
// Leaves to others: what differs between kinds (eventsourced.go, value.go, replicated.go, action.go).
package innkeepertest

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"sync"
	"testing"

	"innkeeper"
	"innkeeper/internal/boundary"
	"innkeeper/wire"
)

const startMs = 1_767_225_600_000

// Effect is an effect that is expected.
type Effect = boundary.Effect

// Later is an effect that nobody waits for: with a name, a limit, or due later by the options that a handler gives it.
func Later(call innkeeper.Call, options ...innkeeper.EffectOption) Effect {
	return boundary.EffectOf(call, options)
}

// Synchronous is an effect that the reply waits for.
func Synchronous(call innkeeper.Call, options ...innkeeper.EffectOption) Effect {
	effect := boundary.EffectOf(call, options)
	effect.Synchronous = true
	return effect
}

// Asked is an effect whose outcome the entity hears.
func Asked(call innkeeper.Call, hearing innkeeper.Hearing, options ...innkeeper.EffectOption) Effect {
	return boundary.AskOf(call, hearing, options)
}

// Failure is what the answer of an ask that failed has, as a host makes it: Failure[*gen.Status](innkeeper.Aborted, "no", reason).
func Failure[Status wire.MessageOf[Status]](code innkeeper.Code, message string, reason innkeeper.Reason) Status {
	made, problem := wire.Read[Status](statusBytes(code, message, nil, reason))
	if problem != "" {
		panic("the failure of an answer is a google.rpc.Status: " + problem)
	}
	return made
}

// statusBytes are those of a google.rpc.Status, with the detail of the host.
func statusBytes(code innkeeper.Code, message string, details []boundary.Typed, reason innkeeper.Reason) []byte {
	info := appendField(appendField(nil, 1, []byte(reason.String())), 2, []byte("innkeeper"))
	status := wire.AppendUint32([]byte{1 << 3}, uint32(code))
	status = appendField(status, 2, []byte(message))
	for _, one := range append([]boundary.Typed{{Name: "google.rpc.ErrorInfo", Data: info}}, details...) {
		detail := appendField(nil, 1, []byte("type.googleapis.com/"+one.Name))
		status = appendField(status, 3, appendField(detail, 2, one.Data))
	}
	return status
}

func appendField(b []byte, number byte, data []byte) []byte {
	return wire.AppendBytes(append(b, number<<3|2), data)
}

// naming is how the entity of a test gets its name.
type naming struct {
	// given by the test; empty: by its first request.
	given string
	asked string
}

// of the entity that is asked.
func (n naming) of(t testing.TB, call innkeeper.Call) string {
	t.Helper()
	switch {
	case n.given != "":
		return n.given
	case call.Entity != "" && n.asked != "" && call.Entity != n.asked:
		t.Fatalf("%s/%s is asked of %s, but the test is about %s: begin another one with Given", call.Service, call.Method, call.Entity, n.asked)
	case call.Entity != "":
		return call.Entity
	case n.asked != "":
		return n.asked
	}
	return "entity"
}

// commandOf a call; `index` is the number of the command.
func commandOf(t testing.TB, call innkeeper.Call, index int) boundary.Command {
	t.Helper()
	checkReaches(t, call.Metadata)
	return boundary.Command{
		Method:   call.Method,
		Payload:  call.Payload,
		Metadata: call.Metadata,
		Now:      float64(startMs + 1000*index),
		Seed:     [4]uint32{1, 2, 3, uint32(index)},
	}
}

// answer is what came back, and what is common to its checks.
type answer struct {
	t       testing.TB
	name    string
	outcome boundary.Outcome
}

func (a *answer) checkService(service *innkeeper.Service, call innkeeper.Call) {
	a.t.Helper()
	if call.Service != service.Name {
		a.t.Fatalf("a call of %s was given to the kit of %s", call.Service, service.Name)
	}
}

func (a *answer) replies(reply wire.Message) {
	a.t.Helper()
	if got, want := a.shown(reply), show(reply); got != want {
		a.fail("the reply", want, got)
	}
	if a.outcome.Reply == boundary.ReplyMessage && !bytes.Equal(a.outcome.Payload, reply.ProtoAppend(nil)) {
		a.fail("the bytes of the reply", hex.EncodeToString(reply.ProtoAppend(nil)), hex.EncodeToString(a.outcome.Payload))
	}
}

// Read the reply, to look at and to go on with, into a message of its type.
func (a *answer) Read(into innkeeper.Message) {
	a.t.Helper()
	if a.outcome.Failure != nil || a.outcome.Reply != boundary.ReplyMessage {
		a.fail("the answer", "a reply", a.shown(nil))
	}
	reader := wire.NewReader(a.outcome.Payload)
	if into.ProtoRead(&reader); reader.Problem() != "" {
		a.fail("the reply", into.ProtoName(), hex.EncodeToString(a.outcome.Payload))
	}
}

// shown is the answer for people; a reply is read as a message of this type.
func (a *answer) shown(like wire.Message) string {
	switch outcome := &a.outcome; {
	case outcome.Failure != nil:
		return fmt.Sprintf("refused with %d: %s", outcome.Failure.Code, outcome.Failure.Message)
	case outcome.Reply == boundary.ReplyForward:
		return "forwarded to " + showCall(outcome.Forward)
	case outcome.Reply == boundary.ReplyNone:
		return "nothing"
	case outcome.Reply == boundary.ReplyLater:
		return showTicket(outcome.Ticket, outcome.WithinS)
	default:
		return showBytes(outcome.Payload, like)
	}
}

func (a *answer) forwards(call innkeeper.Call) {
	a.t.Helper()
	if got, want := a.shown(nil), "forwarded to "+showCall(call); got != want {
		a.fail("the answer", want, got)
	}
}

func (a *answer) later(ticket string, within []innkeeper.Limit) {
	a.t.Helper()
	like := new(boundary.Answer).Later(ticket, within).Outcome(a.name, nil)
	if got, want := a.shown(nil), showTicket(like.Ticket, like.WithinS); got != want {
		a.fail("the answer", want, got)
	}
}

func (a *answer) cancels(names []string) {
	a.t.Helper()
	if got, want := fmt.Sprintf("%q", a.outcome.Cancels), fmt.Sprintf("%q", names); got != want {
		a.fail("what is cancelled", want, got)
	}
}

func (a *answer) resolves(resolutions []innkeeper.Resolution) {
	a.t.Helper()
	if got, want := showResolutions(a.outcome.Resolves), showResolutions(resolutions); got != want {
		a.fail("what is resolved", want, got)
	}
}

// refuses; without a message any will do.
func (a *answer) refuses(code innkeeper.Code, message []string) {
	a.t.Helper()
	failure := a.outcome.Failure
	if failure == nil || failure.Code != code || len(message) > 0 && failure.Message != strings.Join(message, "") {
		a.fail("the answer", fmt.Sprintf("refused with %d: %s", code, strings.Join(message, "")), a.shown(nil))
	}
}

func (a *answer) effects(expected []Effect) {
	a.t.Helper()
	if got, want := showEffects(a.outcome.Effects), showEffects(expected); got != want {
		a.fail("the effects", want, got)
	}
}

func (a *answer) metadata(header innkeeper.Header) {
	a.t.Helper()
	for _, entry := range a.outcome.Metadata {
		if reflect.DeepEqual(entry, header) {
			return
		}
	}
	a.fail("the metadata", fmt.Sprintf("%+v among them", header), fmt.Sprintf("%+v", a.outcome.Metadata))
}

func (a *answer) fail(what, want, got string) {
	a.t.Helper()
	a.t.Fatalf("%s decided otherwise\n%s\n  expected: %s\n  was:      %s", a.name, what, want, got)
}

// running: a component has one thread, and so has what it gathers log lines in.
var running sync.Mutex

// first runs the service, and shows what it logs.
func first(t testing.TB, run func()) {
	running.Lock()
	defer running.Unlock()
	boundary.Show = func(line boundary.Line) { t.Logf("%s: %s", line.Level, line.Text) }
	defer func() { boundary.Show = nil }()
	run()
}

// again runs the service once more.
func again(run func()) {
	running.Lock()
	defer running.Unlock()
	run()
}

// law fails the test where one is broken.
func law(t testing.TB, name, broken string, one, other any) {
	t.Helper()
	if !reflect.DeepEqual(one, other) {
		t.Fatalf("%s breaks a law of the host: %s\n  one:   %+v\n  other: %+v", name, broken, one, other)
	}
}

func showEffects(effects []Effect) string {
	shown := make([]string, len(effects))
	for i, effect := range effects {
		shown[i] = showCall(effect.Call)
		if effect.Synchronous {
			shown[i] += ", waited for"
		}
		switch effect.Due {
		case boundary.DueAfter:
			shown[i] += fmt.Sprintf(", after %v ms", effect.DueMs)
		case boundary.DueAt:
			shown[i] += fmt.Sprintf(", at %v ms", effect.DueMs)
		}
		if effect.Name != "" {
			shown[i] += fmt.Sprintf(", named %q", effect.Name)
		}
		if effect.WithinMs != 0 {
			shown[i] += fmt.Sprintf(", within %v ms", effect.WithinMs)
		}
		if hearing := effect.Answer; hearing != nil {
			shown[i] += fmt.Sprintf(", heard by %s with the note %x", hearing.Method, hearing.Note)
		}
	}
	return "[" + strings.Join(shown, "; ") + "]"
}

func showTicket(ticket string, withinS uint32) string {
	if withinS == 0 {
		return fmt.Sprintf("later, by the ticket %q", ticket)
	}
	return fmt.Sprintf("later, by the ticket %q within %d s", ticket, withinS)
}

func showResolutions(resolutions []innkeeper.Resolution) string {
	shown := make([]string, len(resolutions))
	for i, one := range resolutions {
		shown[i] = fmt.Sprintf("%q of %s/%s: ", one.Ticket, one.Service, one.Method)
		if failure := one.Failure; failure != nil {
			shown[i] += fmt.Sprintf("refused with %d: %s %+v", failure.Code, failure.Message, failure.Details)
		} else {
			shown[i] += hex.EncodeToString(one.Payload)
		}
		if len(one.Headers) > 0 {
			shown[i] += fmt.Sprintf(" %+v", one.Headers)
		}
	}
	return "[" + strings.Join(shown, "; ") + "]"
}

func showCall(call innkeeper.Call) string {
	return fmt.Sprintf("%s/%s %s %+v", call.Service, call.Method, hex.EncodeToString(call.Payload), call.Metadata)
}

func show(message wire.Message) string {
	if text, err := json.Marshal(message); err == nil {
		return message.ProtoName() + string(text)
	}
	return message.ProtoName() + " " + hex.EncodeToString(message.ProtoAppend(nil))
}

// showBytes reads them as a message of the type of another.
func showBytes(data []byte, like wire.Message) string {
	if like != nil {
		message := reflect.New(reflect.TypeOf(like).Elem()).Interface().(wire.Message)
		reader := wire.NewReader(data)
		message.ProtoRead(&reader)
		if reader.Problem() == "" {
			return show(message)
		}
	}
	return hex.EncodeToString(data)
}

func showTyped(list []boundary.Typed, like []wire.Message) string {
	shown := make([]string, len(list))
	for i, typed := range list {
		shown[i] = typed.Name + " " + hex.EncodeToString(typed.Data)
		for _, message := range like {
			if message.ProtoName() == typed.Name {
				shown[i] = showBytes(typed.Data, message)
			}
		}
	}
	return "[" + strings.Join(shown, ", ") + "]"
}
