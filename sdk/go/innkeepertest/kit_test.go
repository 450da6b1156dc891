package innkeepertest

import (
	"fmt"
	"strings"
	"testing"

	"innkeeper"
	"innkeeper/eventsourced"
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
