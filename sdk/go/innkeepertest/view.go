package innkeepertest

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"testing"

	"innkeeper"
	"innkeeper/crdt"
	"innkeeper/internal/boundary"
)

// ViewKit is the test kit of a view.
type ViewKit struct {
	t    testing.TB
	view innkeeper.Service
}

// View makes the kit.
func View(t testing.TB, view innkeeper.Service) *ViewKit {
	if view.View == nil {
		t.Fatalf("%s is no view", view.Name)
	}
	return &ViewKit{t, view}
}

// Rows of a table, by their keys.
type Rows map[string]innkeeper.Message

// Changed is what became of an entity.
type Changed struct {
	service, entity string
	what            boundary.What
	// Of the message, and its bytes.
	name string
	data []byte
}

// Happened is an event of an entity: Happened(gen.OrderName, "a", &gen.Placed{Cents: 5}).
func Happened(service, entity string, event innkeeper.Message) Changed {
	return Changed{service, entity, boundary.WhatEvent, event.ProtoName(), event.ProtoAppend([]byte{})}
}

// Became says that the value of an entity is this one from now on.
func Became(service, entity string, value innkeeper.Message) Changed {
	return Changed{service, entity, boundary.WhatUpdated, value.ProtoName(), value.ProtoAppend([]byte{})}
}

// BecameReplica says that the value of a replicated entity is, from now on, what these changes make of none.
func BecameReplica[V any](service, entity string, kind crdt.Kind[V], changes ...Operations[V]) Changed {
	kit := &ReplicatedKit[V]{kind: kind}
	return Changed{service, entity, boundary.WhatUpdated, "innkeeper.crdt.v1.View", kit.Given(changes...).value.view(false, nil)}
}

// Gone says that nothing is left of an entity.
func Gone(service, entity string) Changed {
	return Changed{service, entity, boundary.WhatDeleted, "", nil}
}

type table = map[string][]byte

// Seeing is a table, and what has changed since it was given.
type Seeing struct {
	kit     *ViewKit
	start   table
	changes []boundary.ViewChange
	now     table
}

// Given is a table with these rows. A row is one that the entity of the same key has put.
func (k *ViewKit) Given(rows Rows) *Seeing {
	start := tableOf(rows)
	return &Seeing{k, start, nil, start}
}

func tableOf(rows Rows) table {
	bytes := table{}
	for key, row := range rows {
		bytes[key] = row.ProtoAppend([]byte{})
	}
	return bytes
}

// When these changes come. Of all so far it checks law L7: a batch projects as its changes one by one, in whatever order different entities come, and
// without values that are not their entity's newest; and law L4: the same is projected twice.
func (s *Seeing) When(changes ...Changed) *Seeing {
	t := s.kit.t
	t.Helper()
	next := &Seeing{s.kit, s.start, slices.Clone(s.changes), nil}
	for _, one := range changes {
		index := len(next.changes)
		change := boundary.ViewChange{
			Service: one.service, Entity: one.entity, What: one.what,
			Sequence: uint64(index) + 1, At: startMs + uint64(index)*1000,
			Name: one.name, Data: one.data,
		}
		next.changes = append(next.changes, change)
	}
	first(t, func() { next.now = next.after([][]boundary.ViewChange{next.changes}) })
	check := func(law string, batches [][]boundary.ViewChange) {
		t.Helper()
		var rows table
		again(func() { rows = next.after(batches) })
		if !reflect.DeepEqual(rows, next.now) {
			t.Fatalf("%s breaks law %s\n  %s\n  %s", s.kit.view.Name, law, shownTable(next.now), shownTable(rows))
		}
	}
	check("L4: the same changes are projected differently twice", [][]boundary.ViewChange{next.changes})
	check("L7: a batch is projected differently than its changes one by one", oneByOne(next.changes))
	groups := byEntity(next.changes)
	check("L7: rows depend on the order of changes of different entities", oneByOne(slices.Concat(groups...)))
	slices.Reverse(groups)
	check("L7: rows depend on the order of changes of different entities", oneByOne(slices.Concat(groups...)))
	check("L7: rows depend on values that are not their entity's newest", oneByOne(newest(next.changes)))
	return next
}

// Then these are all rows that there are.
func (s *Seeing) Then(rows Rows) *Seeing {
	s.kit.t.Helper()
	expected := tableOf(rows)
	if !reflect.DeepEqual(expected, s.now) {
		s.kit.t.Fatalf("%s has other rows\n  expected %s\n  got      %s", s.kit.view.Name, shownTable(expected), shownTable(s.now))
	}
	return s
}

func shownTable(rows table) string {
	text := ""
	for _, key := range slices.Sorted(maps.Keys(rows)) {
		text += fmt.Sprintf("%q: %x ", key, rows[key])
	}
	return "{ " + text + "}"
}

func oneByOne(changes []boundary.ViewChange) [][]boundary.ViewChange {
	batches := make([][]boundary.ViewChange, len(changes))
	for i := range changes {
		batches[i] = changes[i : i+1]
	}
	return batches
}

type entityOf struct{ service, key string }

func idOf(change *boundary.ViewChange) entityOf {
	return entityOf{change.Service, change.Entity}
}

func byEntity(changes []boundary.ViewChange) (groups [][]boundary.ViewChange) {
	at := map[entityOf]int{}
	for i := range changes {
		index, known := at[idOf(&changes[i])]
		if !known {
			index = len(groups)
			at[idOf(&changes[i])] = index
			groups = append(groups, nil)
		}
		groups[index] = append(groups[index], changes[i])
	}
	return groups
}

// newest are all events, and of each value the last change.
func newest(changes []boundary.ViewChange) (kept []boundary.ViewChange) {
	last := map[entityOf]int{}
	for i := range changes {
		last[idOf(&changes[i])] = i
	}
	for i := range changes {
		if changes[i].What == boundary.WhatEvent || last[idOf(&changes[i])] == i {
			kept = append(kept, changes[i])
		}
	}
	return kept
}

func (s *Seeing) after(batches [][]boundary.ViewChange) table {
	rows := maps.Clone(s.start)
	put := map[entityOf][]string{}
	own := func(id entityOf) []string {
		keys, known := put[id]
		if _, there := s.start[id.key]; !known && there {
			return []string{id.key}
		}
		return keys
	}
	for _, batch := range batches {
		changes := slices.Clone(batch)
		for i := range changes {
			changes[i].Keys = own(idOf(&changes[i]))
		}
		var before []boundary.Row
		for _, key := range slices.Compact(slices.Sorted(slices.Values(slices.Concat(s.kit.view.View.Keys(changes)...)))) {
			data, there := rows[key]
			before = append(before, boundary.Row{Key: key, Data: data, There: there})
		}
		for i, list := range s.kit.view.View.Project(changes, before) {
			id := idOf(&changes[i])
			keys := own(id)
			for _, one := range list {
				keys = slices.DeleteFunc(slices.Clone(keys), func(key string) bool { return key == one.Key })
				delete(rows, one.Key)
				if one.There {
					rows[one.Key] = one.Data
					keys = append(keys, one.Key)
				}
			}
			put[id] = keys
		}
	}
	return rows
}
