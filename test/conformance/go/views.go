package conformance

import (
	"fmt"

	"conformance/gen"
	"innkeeper/view"
)

// notes, board and crowd are the model views.
var notes = view.New(
	gen.NotesName,
	view.Events(
		gen.EventsName,
		view.Row(func(noted *gen.Noted, row *gen.Cell, change view.Change) *gen.Cell {
			return &gen.Cell{Key: change.Entity, Text: row.GetText() + noted.Text, Count: row.GetCount() + 1}
		}),
		view.Row(func(*gen.Cleared, *gen.Cell, view.Change) *gen.Cell { return nil }),
	),
)

var board = view.New(
	gen.BoardName,
	view.Events(
		gen.EventsName,
		view.Rows(
			func(noted *gen.Noted, _ view.Change) []string { return []string{"w:" + noted.Text} },
			func(noted *gen.Noted, words *view.Table[*gen.Cell], _ view.Change) {
				key := "w:" + noted.Text
				words.Put(key, &gen.Cell{Key: key, Text: noted.Text, Count: words.Get(key).GetCount() + 1})
			},
		),
	),
	view.Values(
		gen.ValuesName,
		view.Rows(
			func(box *gen.Box, change view.Change) []string { return []string{boxKey(box, change)} },
			func(box *gen.Box, boxes *view.Table[*gen.Cell], change view.Change) {
				key := boxKey(box, change)
				boxes.Put(key, &gen.Cell{Key: key, Text: box.Text, Count: int64(change.Sequence)})
			},
		),
	),
)

func boxKey(box *gen.Box, change view.Change) string {
	return fmt.Sprintf("v:%s:%s", box.Text, change.Entity)
}

var crowd = view.New(
	gen.CrowdName,
	view.Replicas(
		gen.ReplicasName,
		view.ReplicaRow(allKinds, func(value all, _ *gen.Cell, change view.Change) *gen.Cell {
			return &gen.Cell{Key: change.Entity, Text: value.String(), Count: int64(value.m.Size())}
		}),
	),
	view.Replicas(
		gen.MembersName,
		view.ReplicaRows(
			setOfTexts,
			func(members set, change view.Change) (keys []string) {
				for text := range members.All() {
					keys = append(keys, memberKey(text, change))
				}
				return keys
			},
			func(members set, cells *view.Table[*gen.Cell], change view.Change) {
				for text := range members.All() {
					key := memberKey(text, change)
					cells.Put(key, &gen.Cell{Key: key, Text: text, Count: int64(members.Size())})
				}
			},
		),
	),
)

func memberKey(text string, change view.Change) string {
	return fmt.Sprintf("m:%s:%s", text, change.Entity)
}
