package crdt

import (
	"bytes"
	"testing"
)

// Guards that an entry is created once in a decision: again only after it was removed, and not after something else was.
func TestCreateAfterARemovalElsewhere(t *testing.T) {
	notes := ORMap(Text, LWWRegister(Text, "new"))
	all := ORMap(Text, notes).Open(Seen{})
	encoded := func(operations ...Operation) []byte { return EncodeOperations(operations, nil) }
	written := func(operations ...Operation) int { return bytes.Count(encoded(operations...), []byte("new")) }
	room := all.At("room")
	if count := written(room.Create("a"), room.Remove("b"), room.Create("a")); count != 1 {
		t.Errorf("its first value was written %d times", count)
	}
	if count := written(room.At("a").Set("set"), all.Remove("other"), room.Create("a")); count != 0 {
		t.Errorf("a value that was set was set back %d times", count)
	}
	for name, removal := range map[string]Operation{"removed": room.Remove("a"), "cleared": room.Clear(), "removed with its map": all.Remove("room")} {
		if count := written(room.Create("a"), removal, room.Create("a")); count != 2 {
			t.Errorf("%s: its first value was written %d times", name, count)
		}
	}
}
