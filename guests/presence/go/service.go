// Package presence is who is in a room: a map from user to the number of connections, which every node counts on its own.
package presence

import (
	"slices"

	"innkeeper"
	"innkeeper/crdt"
	"innkeeper/replicated"
	"presence/gen"
)

// Services is what inn build makes a component of.
var Services = []innkeeper.Service{replicated.New(gen.PresenceReplicated[connections](presence{}), kind)}

type connections = *crdt.ORMapView[string, *crdt.PNCounterView]

var kind = crdt.ORMap(crdt.Text, crdt.PNCounter())

type presence struct{}

func (presence) Join(
	room connections,
	member *gen.Member,
	c *replicated.StreamCommand[connections, *gen.Room],
) replicated.Decision {
	return c.Accept(room.At(member.User).Add(1)).StreamAfter(roomOf)
}

func (presence) JoinChanged(room connections, _ *gen.Member, c *replicated.Change[*gen.Room]) replicated.Told {
	return c.Emit(roomOf(room))
}

// JoinCancelled: the last connection takes the user along.
func (presence) JoinCancelled(room connections, member *gen.Member, c *replicated.Leaving) replicated.Left {
	if count := room.At(member.User); count.Value() > 1 {
		return c.Accept(count.Add(-1))
	}
	return c.Accept(room.Remove(member.User))
}

func (presence) Look(
	room connections,
	_ *gen.RoomRequest,
	c *replicated.Command[connections, *gen.Room],
) replicated.Decision {
	return c.Accept().Reply(roomOf(room))
}

// roomOf sorts the users: the view has them in the order of their bytes, which begin with their length.
func roomOf(room connections) *gen.Room {
	users := &gen.Room{}
	for user, count := range room.All() {
		users.Users = append(users.Users, user)
		users.Connections += int32(count.Value())
	}
	slices.Sort(users.Users)
	return users
}
