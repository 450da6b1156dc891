package innkeepertest

import (
	"fmt"
	"strings"
	"testing"

	"innkeeper"
	"innkeeper/crdt"
	"innkeeper/eventsourced"
	"innkeeper/replicated"
	"innkeeper/value"
	"innkeeper/wire"
)

// Guards that the kit tells what it promises to tell: it is what authors trust.

// number is a message as generated code has it: { int64 value = 1; }.
type number struct{ Value int64 }

func (*number) ProtoName() string { return "test.Number" }
func (*number) ProtoNew() *number { return new(number) }

func (n *number) ProtoAppend(b []byte) []byte {
	if n.Value != 0 {
		b = wire.AppendInt64(append(b, 8), n.Value)
	}
	return b
}

func (n *number) ProtoRead(r *wire.Reader) {
	for r.More() {
		if tag := r.Tag(); tag == 8 {
			n.Value = r.Int64()
		} else {
			r.Skip(tag)
		}
	}
}

// tb fails by a panic with what it was told.
type tb struct{ testing.TB }

type told string

func (tb) Helper() {}

func (tb) Fatalf(format string, args ...any) {
	panic(told(fmt.Sprintf(format, args...)))
}

type command = eventsourced.Command[*number, *number]

func kitOf(handle func(state, request *number, c *command) eventsourced.Decision) *EventSourcedKit {
	handlers := eventsourced.Handlers[*number]{
		Service: "test.Numbers",
		Methods: []eventsourced.Method[*number]{eventsourced.Unary("Add", handle)},
	}
	add := func(state, event *number) *number { return &number{state.Value + event.Value} }
	return EventSourced(tb{}, eventsourced.New(handlers, eventsourced.Evolve(add)))
}

var one = innkeeper.Call{Service: "test.Numbers", Method: "Add", Payload: (&number{1}).ProtoAppend(nil)}

func accepts(state, request *number, c *command) eventsourced.Decision {
	return c.Accept(request).ReplyAfter(func(after *number) *number { return after })
}

func mustTell(t *testing.T, expected string, check func()) {
	t.Helper()
	defer func() {
		t.Helper()
		if said, is := recover().(told); !is || !strings.Contains(string(said), expected) {
			t.Fatalf("expected to be told of %q, was told: %s", expected, said)
		}
	}()
	check()
}

// logging keeps what it is told.
type logging struct {
	tb
	lines *[]string
}

func (l logging) Logf(format string, args ...any) {
	*l.lines = append(*l.lines, fmt.Sprintf(format, args...))
}

func TestShowsLogLinesOnce(t *testing.T) {
	var lines []string
	kit := kitOf(func(state, request *number, c *command) eventsourced.Decision {
		c.Debug("asked")
		return c.Accept(request).ReplyAfter(func(after *number) *number {
			innkeeper.Log.Warn("answers")
			return after
		})
	})
	kit.t = logging{lines: &lines}
	kit.Given(&number{2}).When(one).Then(Events(&number{1}), &number{3})
	if got := strings.Join(lines, ", "); got != "debug: asked, warn: answers" {
		t.Fatalf("shown: %s", got)
	}
}

func TestPassesWhatIsRight(t *testing.T) {
	kitOf(accepts).Given(&number{2}).When(one).Then(Events(&number{1}), &number{3}).
		When(one).Then(Events(&number{1}), &number{4})
}

func TestReadsAReply(t *testing.T) {
	when := kitOf(accepts).Given(&number{2}).When(one)
	reply := &number{}
	when.Read(reply)
	if reply.Value != 3 {
		t.Fatalf("read %d", reply.Value)
	}
	when.Then(Events(&number{1}), reply)
	refusing := kitOf(func(_, _ *number, c *command) eventsourced.Decision { return c.Refuse(innkeeper.Code(5), "no") })
	mustTell(t, "refused with 5", func() { refusing.Given().When(one).Read(reply) })
}

func TestNamesTheEntity(t *testing.T) {
	var seen []string
	kit := kitOf(func(state, request *number, c *command) eventsourced.Decision {
		seen = append(seen, c.Entity())
		return accepts(state, request, c)
	})
	kit.Entity("me").Given().When(one).Then(Events(&number{1}), &number{1})
	kit.Given().When(one)
	of := func(entity string) innkeeper.Call {
		call := one
		call.Entity = entity
		return call
	}
	history := kit.Given().When(of("ann")).Then(Events(&number{1}), &number{1}).When(one).Then(Events(&number{1}), &number{2})
	if got := []string{seen[0], seen[3], seen[len(seen)-1]}; got[0] != "me" || got[1] != "entity" || got[2] != "ann" {
		t.Fatalf("asked of %v", seen)
	}
	mustTell(t, "is asked of bob, but the test is about ann", func() { history.When(of("bob")) })
	kit.Entity("me").Given().When(of("bob"))
	if seen[len(seen)-1] != "me" {
		t.Fatalf("asked of %v", seen)
	}
}

func TestServicesMeet(t *testing.T) {
	other := innkeeper.Call{Service: "test.Others", Method: "Add"}
	to := func(entity string, value int64) innkeeper.Call {
		call := one
		call.Entity, call.Payload = entity, (&number{value}).ProtoAppend(nil)
		return call
	}
	numbers := kitOf(func(state, request *number, c *command) eventsourced.Decision {
		switch request.Value {
		case 2:
			return c.Accept(request).Effect(to("b", 3)).Effect(to("b", 9)).Effect(other).Reply(request)
		case 4:
			return c.Accept().Forward(to("b", 1))
		case 5:
			return c.Accept().Forward(to("a", 5))
		case 9:
			return c.Refuse(innkeeper.Aborted, "nine")
		}
		return accepts(state, request, c)
	}).service
	m := Together(tb{}, numbers)
	m.Call(to("a", 2)).Replies(&number{2})
	m.Call(to("b", 1)).Replies(&number{4})
	m.Call(to("a", 4)).Replies(&number{5})
	m.Call(to("a", 9)).Refuses(innkeeper.Aborted, "nine")
	if len(m.Outside) != 1 || m.Outside[0].Service != "test.Others" {
		t.Fatalf("outside: %v", m.Outside)
	}
	if len(m.Parked) != 1 || m.Parked[0].Call.Entity != "b" || m.Parked[0].Code != innkeeper.Aborted || m.Parked[0].Message != "nine" {
		t.Fatalf("parked: %v", m.Parked)
	}
	mustTell(t, "is the last of 17 hops", func() { m.Call(to("a", 5)) })
	mustTell(t, "test.Others is not here", func() { m.Call(other) })
	mustTell(t, "is here twice", func() { Together(tb{}, numbers, numbers) })
}

func (n *number) ProtoElement(string) ([]byte, bool) { return nil, false }

func TestServicesOfAllKindsMeet(t *testing.T) {
	type counted = replicated.Command[*crdt.PNCounterView, *number]
	counts := replicated.New(replicated.Handlers[*crdt.PNCounterView]{
		Service: "test.Counts",
		Methods: []replicated.Method[*crdt.PNCounterView]{
			replicated.Unary("Add", func(view *crdt.PNCounterView, request *number, c *counted) replicated.Decision {
				accepted := c.Accept(view.Add(request.Value))
				if request.Value == 0 {
					accepted = c.Remove(view.Add(10))
				}
				return accepted.ReplyAfter(func(after *crdt.PNCounterView) *number { return &number{after.Value()} })
			}),
		},
	}, crdt.PNCounter())
	count := func(by int64) innkeeper.Call {
		return innkeeper.Call{Service: "test.Counts", Method: "Add", Payload: (&number{by}).ProtoAppend(nil), Entity: wire.Key("a", int64(1))}
	}
	type put = value.Command[*number, *number]
	notes := value.New(value.Handlers[*number]{
		Service: "test.Notes",
		Methods: []value.Method[*number]{
			value.Unary("Put", func(_, request *number, c *put) value.Decision {
				return c.Update(request).Effect(count(request.Value)).Forward(count(1))
			}),
			value.Unary("Get", func(current, _ *number, c *put) value.Decision { return c.Accept().Reply(current) }),
			value.Unary("Drop", func(_, _ *number, c *put) value.Decision { return c.Remove().Reply(&number{}) }),
		},
	})
	note := func(method string, value int64) innkeeper.Call {
		return innkeeper.Call{Service: "test.Notes", Method: method, Payload: (&number{value}).ProtoAppend(nil)}
	}
	m := Together(tb{}, counts, notes)
	m.Call(note("Put", 4)).Replies(&number{5})
	m.Call(note("Get", 0)).Replies(&number{4})
	m.Call(note("Drop", 0)).Replies(&number{})
	m.Call(count(0)).Replies(&number{15})
	m.Call(count(1)).Refuses(innkeeper.NotFound, "Entity deleted")
	if got := wire.Key("a", []byte{1}, true, int32(-1), uint32(2), uint64(3)); got != "a-AQ==-true--1-2-3" {
		t.Fatalf("the key is %s", got)
	}
}

func TestTellsAnotherReplyOtherEventsAndARefusal(t *testing.T) {
	kit := kitOf(accepts)
	mustTell(t, `expected: test.Number{"Value":4}`, func() { kit.Given(&number{2}).When(one).Then(Events(&number{1}), &number{4}) })
	mustTell(t, "the events", func() { kit.Given(&number{2}).When(one).Then(Events(), &number{3}) })
	mustTell(t, "refused with 5", func() { kit.Given().When(one).Refuses(innkeeper.NotFound) })
	mustTell(t, "the effects", func() { kit.Given().When(one).Effects(Later(one)) })
}

func TestTellsAHandlerThatChangesTheState(t *testing.T) {
	kit := kitOf(func(state, request *number, c *command) eventsourced.Decision {
		state.Value++
		return c.Accept().Reply(state)
	})
	mustTell(t, "L2", func() { kit.Given().When(one) })
}

func TestTellsAHandlerThatRemembers(t *testing.T) {
	remembered := int64(0)
	kit := kitOf(func(state, request *number, c *command) eventsourced.Decision {
		remembered++
		return c.Accept().Reply(&number{remembered})
	})
	mustTell(t, "L4", func() { kit.Given().When(one) })
}

func TestTellsACallOfAnotherService(t *testing.T) {
	mustTell(t, "was given to the kit of", func() { kitOf(accepts).Given().When(innkeeper.Call{Service: "test.Others"}) })
}

func TestHeadersThatReachNoFunctionAreTold(t *testing.T) {
	sending := func(name string) innkeeper.Call {
		call := one
		call.Metadata = []innkeeper.Header{innkeeper.Text("x-token", "fine"), innkeeper.Text(name, "secret")}
		return call
	}
	kit := kitOf(accepts)
	for _, name := range []string{"authorization", "Cookie", "proxy-authorization"} {
		mustTell(t, "the header "+strings.ToLower(name)+" never reaches a function; callers send a token in x-token", func() {
			kit.Given().When(sending(name))
		})
	}
	for _, name := range []string{"content-type", "grpc-timeout"} {
		mustTell(t, "the header "+name+" never reaches a function, since it belongs to the transport", func() {
			kit.Given().When(sending(name))
		})
	}
	kit.Given().When(sending("accept-language")).Then(Events(&number{1}), &number{1})
}
