package innkeepertest

import (
	"slices"
	"testing"

	"innkeeper/crdt"
	"innkeeper/view"
)

// Guards the kit of views, and what is a fault in one.

const numbers = "test.Numbers"

func kitOfView(t testing.TB, sources ...view.Source[*number]) *ViewKit {
	return View(t, view.New("test.Sums", sources...))
}

// sums has one row of each entity.
func sums(t testing.TB) *ViewKit {
	return kitOfView(t, view.Events(numbers, view.Row(func(one, row *number, _ view.Change) *number {
		if one.Value == 0 {
			return nil
		}
		sum := &number{one.Value}
		if row != nil {
			sum.Value += row.Value
		}
		return sum
	})))
}

func happened(entity string, value int64) Changed {
	return Happened(numbers, entity, &number{value})
}

func TestAView(t *testing.T) {
	sums(t).Given(nil).
		When(happened("a", 1), happened("b", 5), happened("a", 2)).
		Then(Rows{"a": &number{3}, "b": &number{5}}).
		When(happened("a", 0)).
		Then(Rows{"b": &number{5}})
	sums(t).Given(Rows{"a": &number{40}}).When(happened("a", 2)).Then(Rows{"a": &number{42}})
}

func TestAViewOfValues(t *testing.T) {
	kit := kitOfView(t, view.Values(numbers, view.Rows(
		func(one *number, change view.Change) []string {
			return []string{string(rune('0'+one.Value)) + change.Entity}
		},
		func(one *number, rows *view.Table[*number], change view.Change) {
			rows.Put(string(rune('0'+one.Value))+change.Entity, one)
		},
	)))
	kit.Given(nil).
		When(Became(numbers, "a", &number{1}), Became(numbers, "b", &number{1}), Became(numbers, "a", &number{2})).
		Then(Rows{"1b": &number{1}, "2a": &number{2}}).
		When(Gone(numbers, "b")).
		Then(Rows{"2a": &number{2}})
}

var guests = crdt.ORSet(crdt.Text)

func become(entity string, names ...string) Changed {
	return BecameReplica("test.Guests", entity, guests, func(set *crdt.ORSetView[string]) (added []crdt.Operation) {
		for _, name := range names {
			added = append(added, set.Add(name))
		}
		return added
	})
}

func TestAViewOfReplicas(t *testing.T) {
	kit := kitOfView(t, view.Replicas("test.Guests", view.ReplicaRow(guests,
		func(set *crdt.ORSetView[string], _ *number, _ view.Change) *number {
			if set.Size() == 0 {
				return nil
			}
			return &number{int64(set.Size())}
		},
	)))
	kit.Given(nil).
		When(become("a", "ann", "bob"), become("b", "cy"), become("a", "ann")).
		Then(Rows{"a": &number{1}, "b": &number{1}}).
		When(Gone("test.Guests", "b"), become("a")).
		Then(nil)
}

func TestAViewOfReplicasByKeys(t *testing.T) {
	kit := kitOfView(t, view.Replicas("test.Guests", view.ReplicaRows(guests,
		func(set *crdt.ORSetView[string], _ view.Change) []string { return slices.Collect(set.All()) },
		func(set *crdt.ORSetView[string], rows *view.Table[*number], _ view.Change) {
			for name := range set.All() {
				rows.Put(name, &number{1})
			}
		},
	)))
	kit.Given(nil).When(become("a", "ann", "bob"), become("a", "bob", "cy")).Then(Rows{"bob": &number{1}, "cy": &number{1}})
}

func TestTellsOtherRows(t *testing.T) {
	mustTell(t, "test.Sums has other rows", func() {
		sums(tb{}).Given(nil).When(happened("a", 1)).Then(Rows{"a": &number{2}})
	})
}

func TestTellsRowsThatDependOnTheOrderOfEntities(t *testing.T) {
	mustTell(t, "L7: rows depend on the order of changes of different entities", func() {
		kitOfView(tb{}, view.Events(numbers, view.Rows(
			func(*number, view.Change) []string { return []string{"last"} },
			func(one *number, rows *view.Table[*number], _ view.Change) { rows.Put("last", one) },
		))).Given(nil).When(happened("a", 1), happened("b", 2))
	})
}

func TestTellsRowsThatDependOnValuesInBetween(t *testing.T) {
	mustTell(t, "L7: rows depend on values that are not their entity's newest", func() {
		kitOfView(tb{}, view.Values(numbers, view.Row(func(_, row *number, _ view.Change) *number {
			if row == nil {
				return &number{1}
			}
			return &number{row.Value + 1}
		}))).Given(nil).When(Became(numbers, "a", &number{1}), Became(numbers, "a", &number{2}))
	})
}

func TestARowWhoseKeyWasNotNamedIsAFault(t *testing.T) {
	defer func() {
		if said, _ := recover().(string); said != `the row "other" is none that the change may touch; name its key in Rows` {
			t.Fatalf("said: %s", said)
		}
	}()
	kitOfView(t, view.Events(numbers, view.Rows(
		func(*number, view.Change) []string { return nil },
		func(one *number, rows *view.Table[*number], _ view.Change) { rows.Put("other", one) },
	))).Given(nil).When(happened("a", 1))
}
