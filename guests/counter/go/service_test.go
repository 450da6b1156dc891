package counter

import (
	"math"
	"strconv"
	"testing"

	"counter/gen"
	"innkeeper"
	"innkeeper/innkeepertest"
)

// The counter's rules, without a host. Run `inn build` first: it writes gen.

func given(t *testing.T, events ...innkeeper.Message) *innkeepertest.History {
	return innkeepertest.EventSourced(t, Services[0]).Given(events...)
}

func add(amount int64) innkeeper.Call {
	return gen.Counter.Add(&gen.AddRequest{Id: "a", Amount: amount})
}

var get = gen.Counter.Get(&gen.GetRequest{Id: "a"})

func TestAddsUpAndRepliesTheValueAfterTheEvent(t *testing.T) {
	given(t).
		When(add(2)).
		Then(innkeepertest.Events(&gen.Added{Amount: 2}), &gen.Value{Value: 2}).
		When(add(3)).
		Then(innkeepertest.Events(&gen.Added{Amount: 3}), &gen.Value{Value: 5})
}

func TestReadsWithoutAnEventFrom0(t *testing.T) {
	given(t).When(get).Then(innkeepertest.Events(), &gen.Value{})
	given(t, &gen.Added{Amount: 2}, &gen.Added{Amount: 40}).
		When(get).
		Then(innkeepertest.Events(), &gen.Value{Value: 42})
}

func TestRefusesAmountsThatAreNotPositive(t *testing.T) {
	for _, amount := range []int64{0, -1, math.MinInt64} {
		given(t).
			When(add(amount)).
			Refuses(innkeeper.InvalidArgument, "amount must be positive, got "+strconv.FormatInt(amount, 10))
	}
}

func TestReachesTheMaximumAndRefusesToExceedIt(t *testing.T) {
	given(t, &gen.Added{Amount: 999_999_999_999}).
		When(add(1)).
		Then(innkeepertest.Events(&gen.Added{Amount: 1}), &gen.Value{Value: 1_000_000_000_000}).
		When(add(1)).
		Refuses(innkeeper.FailedPrecondition, "the value may not exceed 1000000000000").
		When(get).
		Then(innkeepertest.Events(), &gen.Value{Value: 1_000_000_000_000})
	given(t, &gen.Added{Amount: 1_000_000_000_000}).
		When(add(math.MaxInt64)).
		Refuses(innkeeper.FailedPrecondition)
}
