package innkeepertest

import (
	"testing"

	"innkeeper"
	"innkeeper/internal/boundary"
)

// ActionKit is the test kit of a service without state.
type ActionKit struct {
	t       testing.TB
	service innkeeper.Service
}

// Action makes the kit.
func Action(t testing.TB, service innkeeper.Service) *ActionKit {
	if service.Action == nil {
		t.Fatalf("%s is no action", service.Name)
	}
	return &ActionKit{t, service}
}

// Answered is what a call came to.
type Answered struct {
	answer
	kit *ActionKit
}

// When it is called.
func (k *ActionKit) When(call innkeeper.Call) *Answered {
	k.t.Helper()
	a := answer{t: k.t, name: call.Service + "/" + call.Method}
	a.checkService(&k.service, call)
	var same boundary.Outcome
	command := commandOf(k.t, call, 0)
	first(k.t, func() { a.outcome = k.service.Action.Call(command) })
	again(func() { same = k.service.Action.Call(command) })
	law(k.t, a.name, "L4, the same call again answers otherwise", a.outcome, same)
	return &Answered{a, k}
}

// Then it accepts, with this reply.
func (a *Answered) Then(reply innkeeper.Message) *ActionKit {
	a.t.Helper()
	a.replies(reply)
	return a.kit
}

// Forwards: another command answers.
func (a *Answered) Forwards(to innkeeper.Call) *ActionKit {
	a.t.Helper()
	a.forwards(to)
	return a.kit
}

// Refuses with this code and, if one is given, this message.
func (a *Answered) Refuses(code innkeeper.Code, message ...string) *ActionKit {
	a.t.Helper()
	a.refuses(code, message)
	return a.kit
}

// Effects are exactly these, in order.
func (a *Answered) Effects(effects ...Effect) *Answered {
	a.t.Helper()
	a.effects(effects)
	return a
}

// Metadata has this header.
func (a *Answered) Metadata(header innkeeper.Header) *Answered {
	a.t.Helper()
	a.metadata(header)
	return a
}

// Stream is a client at its stream. It is driven as the host does it: a step for each thing that the client does, and, where a
// step asks for more, one when the test looks for the next element: so a server stream without end is no matter. Checks take
// elements in the order in which they come.
type Stream struct {
	t       testing.TB
	kit     *ActionKit
	method  string
	state   []byte
	waiting []boundary.Outcome
	seen    []Effect
	done    bool
	more    bool
	index   int
}

// Stream begins a stream of many requests. The headers are the client's.
func (k *ActionKit) Stream(method string, headers ...innkeeper.Header) *Stream {
	k.t.Helper()
	checkReaches(k.t, headers)
	s := &Stream{t: k.t, kit: k, method: method}
	s.step(boundary.Input{Case: boundary.InputStart, Metadata: headers})
	return s
}

// StreamOf begins a stream of one request.
func (k *ActionKit) StreamOf(call innkeeper.Call) *Stream {
	k.t.Helper()
	checkReaches(k.t, call.Metadata)
	s := &Stream{t: k.t, kit: k, method: call.Method}
	s.step(
		boundary.Input{Case: boundary.InputStart, Metadata: call.Metadata},
		boundary.Input{Case: boundary.InputItem, Payload: call.Payload},
		boundary.Input{Case: boundary.InputEnd},
	)
	return s
}

// Sends requests, a step for each.
func (s *Stream) Sends(requests ...innkeeper.Message) *Stream {
	s.t.Helper()
	for _, request := range requests {
		s.step(boundary.Input{Case: boundary.InputItem, Payload: request.ProtoAppend(nil)})
	}
	return s
}

// Closes: the client has sent all.
func (s *Stream) Closes() *Stream {
	s.t.Helper()
	return s.step(boundary.Input{Case: boundary.InputEnd})
}

// Cancels: the client leaves.
func (s *Stream) Cancels() *Stream {
	s.t.Helper()
	s.step(boundary.Input{Case: boundary.InputCancelled})
	s.waiting = nil
	return s
}

// Emits: the next elements are these. Asks for more where the stream has more.
func (s *Stream) Emits(elements ...innkeeper.Message) *Stream {
	s.t.Helper()
	for _, element := range elements {
		s.take("the next element").replies(element)
	}
	return s
}

// Forwards: the next element is another command's answer.
func (s *Stream) Forwards(to innkeeper.Call) *Stream {
	s.t.Helper()
	s.take("the next element").forwards(to)
	return s
}

// Refuses: the next element is a refusal, and so the end.
func (s *Stream) Refuses(code innkeeper.Code, message ...string) *Stream {
	s.t.Helper()
	s.take("the next element").refuses(code, message)
	return s
}

// Replies: the one answer to all that was sent.
func (s *Stream) Replies(reply innkeeper.Message) *Stream {
	s.t.Helper()
	return s.Emits(reply).Ends()
}

// Silent: nothing is left to take, and the stream waits for its client.
func (s *Stream) Silent() *Stream {
	s.t.Helper()
	if s.fill() || s.done {
		s.t.Fatalf("%s: an element or the end, where the stream should wait", s.method)
	}
	return s
}

// Ends: nothing is left to take, and the stream is over.
func (s *Stream) Ends() *Stream {
	s.t.Helper()
	if s.fill() || !s.done {
		s.t.Fatalf("%s: an element, or waiting, where the stream should be over", s.method)
	}
	return s
}

// Effects of everything since the last look at them are exactly these, in order.
func (s *Stream) Effects(effects ...Effect) *Stream {
	s.t.Helper()
	if got, want := showEffects(s.seen), showEffects(effects); got != want {
		s.t.Fatalf("%s: the effects\n  expected: %s\n  were:     %s", s.method, want, got)
	}
	s.seen = nil
	return s
}

// More steps without an element than any stream has a reason for.
const idleStepsMax = 1000

// fill tells whether there is an element to take.
func (s *Stream) fill() bool {
	s.t.Helper()
	for idle := 0; len(s.waiting) == 0 && s.more && !s.done; idle++ {
		if idle == idleStepsMax {
			s.t.Fatalf("%s: %d steps in a row without an element", s.method, idle)
		}
		s.step()
	}
	return len(s.waiting) > 0
}

func (s *Stream) take(what string) *answer {
	s.t.Helper()
	if !s.fill() {
		s.t.Fatalf("%s: nothing, where %s should be", s.method, what)
	}
	outcome := s.waiting[0]
	s.waiting = s.waiting[1:]
	return &answer{t: s.t, name: s.kit.service.Name + "/" + s.method, outcome: outcome}
}

func (s *Stream) step(inputs ...boundary.Input) *Stream {
	s.t.Helper()
	if s.done {
		return s
	}
	now, seed := float64(startMs+1000*s.index), [4]uint32{1, 2, 3, uint32(s.index)}
	s.index++
	var step, same boundary.Step
	first(s.t, func() { step = s.kit.service.Action.Stream(s.method, s.state, inputs, now, seed) })
	again(func() { same = s.kit.service.Action.Stream(s.method, s.state, inputs, now, seed) })
	law(s.t, s.method, "L4, the same step again is another", step, same)
	for _, outcome := range step.Outputs {
		s.seen = append(s.seen, outcome.Effects...)
		if outcome.Failure != nil || outcome.Reply != boundary.ReplyNone {
			s.waiting = append(s.waiting, outcome)
		}
	}
	s.state, s.done, s.more = step.State, step.Done, step.More
	return s
}
