package conformance

import (
	"fmt"

	"conformance/gen"
	"innkeeper/view"
)

// notes and board are the model views.
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
