package presence

import (
	"testing"

	"innkeeper"
	"innkeeper/crdt"
	"innkeeper/innkeepertest"
	"presence/gen"
)

// The rules of presence, without a host. Run `inn build` first: it writes gen.

type operations = innkeepertest.Operations[connections]

func given(t *testing.T, changes ...operations) *innkeepertest.Replica[connections] {
	return innkeepertest.Replicated(t, Services[0], kind).Given(changes...)
}

func join(user string) innkeeper.Call {
	return gen.Presence.Join(&gen.Member{Room: "r", User: user})
}

func counts(user string, by int64) operations {
	return func(room connections) []crdt.Operation { return innkeepertest.Ops(room.At(user).Add(by)) }
}

func removes(user string) operations {
	return func(room connections) []crdt.Operation { return innkeepertest.Ops(room.Remove(user)) }
}

func room(connections int32, users ...string) *gen.Room {
	return &gen.Room{Users: users, Connections: connections}
}

var look = gen.Presence.Look(&gen.RoomRequest{Room: "r"})

func TestWhoJoinsIsInTheRoomAndThoseWhoAreThereAreTold(t *testing.T) {
	given(t).
		When(join("bob")).
		Streams(counts("bob", 1), room(1, "bob")).
		When(join("ann")).
		Streams(counts("ann", 1), room(2, "ann", "bob")).
		Changed(join("bob")).
		Tells(room(2, "ann", "bob"))
}

func TestAUserWithTwoConnectionsStaysUntilBothAreGone(t *testing.T) {
	given(t, counts("ann", 2)).
		Cancelled(join("ann")).
		Leaves(counts("ann", -1)).
		When(look).
		Then(nil, room(1, "ann")).
		Cancelled(join("ann")).
		Leaves(removes("ann")).
		When(look).
		Then(nil, room(0))
}

func TestARoomThatNobodyEnteredIsEmpty(t *testing.T) {
	given(t).When(look).Then(nil, room(0))
}

func TestUsersAreSortedWhateverTheirNames(t *testing.T) {
	given(t, counts("zoë", 1), counts("ann", 1), counts("bartholomew", 1), counts("Éa", 1)).
		When(look).
		Then(nil, room(4, "ann", "bartholomew", "zoë", "Éa"))
}
