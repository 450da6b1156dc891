// Package counter is the smallest service with state.
package counter

import (
	"strconv"

	"counter/gen"
	"innkeeper"
	"innkeeper/eventsourced"
)

const valueMax = 1_000_000_000_000

// Services is what inn build makes a component of.
var Services = []innkeeper.Service{
	eventsourced.New(gen.CounterEventSourced[*gen.Value](counter{}), eventsourced.Evolve(added)),
}

type counter struct{}

func (counter) Add(
	state *gen.Value,
	request *gen.AddRequest,
	c *eventsourced.Command[*gen.Value, *gen.Value],
) eventsourced.Decision {
	amount := request.Amount
	if amount <= 0 {
		return c.Refuse(innkeeper.InvalidArgument, "amount must be positive, got "+strconv.FormatInt(amount, 10))
	}
	if amount > valueMax-state.Value {
		return c.Refuse(innkeeper.FailedPrecondition, "the value may not exceed "+strconv.Itoa(valueMax))
	}
	return c.Accept(&gen.Added{Amount: amount}).ReplyAfter(func(after *gen.Value) *gen.Value { return after })
}

func (counter) Get(
	state *gen.Value,
	request *gen.GetRequest,
	c *eventsourced.Command[*gen.Value, *gen.Value],
) eventsourced.Decision {
	return c.Accept().Reply(state)
}

func added(state *gen.Value, event *gen.Added) *gen.Value {
	return &gen.Value{Value: state.Value + event.Amount}
}
