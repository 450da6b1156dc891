// Package view is for views: rows of a table that follow from what entities have committed.
//
//		view.New(gen.OrdersViewName, view.Events(gen.OrderName,
//			view.Row(func(placed *gen.Placed, row *gen.OrderRow, change view.Change) *gen.OrderRow {
//				return &gen.OrderRow{Order: change.Entity, Cents: placed.Cents}
//			}),
//		))
//
//	  - A batch is projected change by change, each on the rows that the one before left, and these pass through bytes (law L7).
//	  - A change touches only rows that its keys name, and those that its entity has put: else a batch would be another than its changes.
//	  - Of a value, what its entity has put and does not put again is deleted; of an event nothing goes by itself.
//
// Rows must not depend on the order of changes of different entities, nor on values between an entity's newest ones: a rebuild brings them in another
// order, and without those.
package view

import (
	"innkeeper"
	"innkeeper/crdt"
	"innkeeper/internal/boundary"
	"innkeeper/wire"
)

// Change says of which entity a change is, and when it was committed.
type Change struct {
	// Service is the full name of the entity's service.
	Service string
	Entity  string
	// Sequence of the event, or of the record that changed the value: it rises.
	Sequence uint64
	// At is in milliseconds since 1970.
	At uint64
}

// Row is a message: a pointer.
type row[R any] interface {
	wire.MessageOf[R]
	comparable
}

// Table has the rows that a change may touch: those that its keys name, and those that earlier changes of its entity have put.
type Table[R row[R]] struct {
	touched *touched
}

// Keys of the rows that are there.
func (t *Table[R]) Keys() []string {
	var keys []string
	for _, key := range t.touched.allowed {
		if _, there := t.touched.table[key]; there {
			keys = append(keys, key)
		}
	}
	return keys
}

// Get is nil where there is no such row. It panics for a key that is not among those that the change may touch, as Put and Delete do.
func (t *Table[R]) Get(key string) (none R) {
	t.touched.check(key)
	bytes, there := t.touched.table[key]
	if !there {
		return none
	}
	return read[R]("a row", bytes)
}

// Put a row.
func (t *Table[R]) Put(key string, row R) {
	t.touched.set(key, wire.Encode(row))
}

// Delete a row.
func (t *Table[R]) Delete(key string) {
	t.touched.set(key, nil)
}

// replicaName is that of a replicated value, as it crosses the boundary.
const replicaName = "innkeeper.crdt.v1.View"

// Take is a message that a source takes, and what comes of it.
type Take[R row[R]] struct {
	name string
	// Without it, the key is the entity's.
	keys    func(data []byte, change Change) []string
	project func(data []byte, table *Table[R], change Change)
}

// Row says what becomes of the one row of an entity, whose key is the entity's. A row that is nil is not there.
func Row[M wire.MessageOf[M], R row[R]](project func(message M, row R, change Change) R) Take[R] {
	return Take[R]{nameOf[M](), nil, func(data []byte, table *Table[R], change Change) {
		put(table, change.Entity, project(read[M]("a change", data), table.Get(change.Entity), change))
	}}
}

// put a row; one that is nil is not there.
func put[R row[R]](table *Table[R], key string, made R) {
	var none R
	if made == none {
		table.Delete(key)
	} else {
		table.Put(key, made)
	}
}

// Rows is for a change that does not touch the row of its entity alone: the keys of the rows that it may touch, and what it does to them.
func Rows[M wire.MessageOf[M], R row[R]](
	keys func(message M, change Change) []string,
	project func(message M, rows *Table[R], change Change),
) Take[R] {
	return Take[R]{
		nameOf[M](),
		func(data []byte, change Change) []string { return keys(read[M]("a change", data), change) },
		func(data []byte, table *Table[R], change Change) { project(read[M]("a change", data), table, change) },
	}
}

// ReplicaRow says what becomes of the one row of a replicated entity; kind is that of its service. The value can only be looked at.
func ReplicaRow[V any, R row[R]](kind crdt.Kind[V], project func(value V, row R, change Change) R) Take[R] {
	return Take[R]{replicaName, nil, func(data []byte, table *Table[R], change Change) {
		put(table, change.Entity, project(kind.Open(crdt.ReadView(data)), table.Get(change.Entity), change))
	}}
}

// ReplicaRows is Rows for a replicated entity; kind is that of its service. The value can only be looked at.
func ReplicaRows[V any, R row[R]](
	kind crdt.Kind[V],
	keys func(value V, change Change) []string,
	project func(value V, rows *Table[R], change Change),
) Take[R] {
	return Take[R]{
		replicaName,
		func(data []byte, change Change) []string { return keys(kind.Open(crdt.ReadView(data)), change) },
		func(data []byte, table *Table[R], change Change) {
			project(kind.Open(crdt.ReadView(data)), table, change)
		},
	}
}

// Deleted says what is done when nothing is left of an entity, instead of deleting the rows that it has put: rows has these.
func Deleted[R row[R]](project func(rows *Table[R], change Change)) Take[R] {
	return Take[R]{"", nil, func(_ []byte, table *Table[R], change Change) { project(table, change) }}
}

// Source is whose changes a view takes.
type Source[R row[R]] struct {
	service string
	kind    boundary.Kind
	takes   []Take[R]
	deleted *Take[R]
}

// Events of the entities of an event-sourced service. Of those that are not taken nothing comes.
func Events[R row[R]](service string, takes ...Take[R]) Source[R] {
	return sourceOf(service, boundary.KindEventSourced, takes)
}

// Values are the newest ones of the entities of a value service. Rows that an entity has put and does not put again are deleted; so are all of them
// if the value is, unless Deleted says otherwise.
func Values[R row[R]](service string, takes ...Take[R]) Source[R] {
	return sourceOf(service, boundary.KindValue, takes)
}

// Replicas are the newest values of the entities of a replicated service, of the kind that it has. What was said of Values holds here, too.
func Replicas[R row[R]](service string, takes ...Take[R]) Source[R] {
	return sourceOf(service, boundary.KindReplicated, takes)
}

func sourceOf[R row[R]](service string, kind boundary.Kind, takes []Take[R]) Source[R] {
	source := Source[R]{service: service, kind: kind}
	for i := range takes {
		if takes[i].name == "" {
			source.deleted = &takes[i]
		} else {
			source.takes = append(source.takes, takes[i])
		}
	}
	return source
}

// New defines a view: its service's full name, and what the changes of each source do to rows. Its methods are queries, which the host answers.
func New[R row[R]](name string, sources ...Source[R]) innkeeper.Service {
	described := make([]boundary.ViewSource, len(sources))
	for i, source := range sources {
		types := make([]string, len(source.takes))
		for k := range source.takes {
			types[k] = source.takes[k].name
		}
		described[i] = boundary.ViewSource{Service: source.service, Kind: source.kind, Types: types}
	}
	return innkeeper.Service{Name: name, RowType: nameOf[R](), Sources: described, View: &view[R]{name, sources}}
}

func nameOf[M wire.MessageOf[M]]() string {
	var none M
	return none.ProtoName()
}

func read[M wire.MessageOf[M]](what string, data []byte) M {
	message, problem := wire.Read[M](data)
	if problem != "" {
		panic(what + " is no " + message.ProtoName() + ": " + problem)
	}
	return message
}

// touched are the rows that one change may touch, and what it has done to them.
type touched struct {
	table   map[string][]byte
	allowed []string
	// In the order in which they were touched first.
	puts []boundary.Row
}

func (t *touched) check(key string) {
	if !contains(t.allowed, key) {
		panic("the row \"" + key + "\" is none that the change may touch; name its key in Rows")
	}
}

func (t *touched) set(key string, bytes []byte) {
	t.check(key)
	if bytes == nil {
		delete(t.table, key)
	} else {
		t.table[key] = bytes
	}
	put := boundary.Row{Key: key, Data: bytes, There: bytes != nil}
	for i := range t.puts {
		if t.puts[i].Key == key {
			t.puts[i] = put
			return
		}
	}
	t.puts = append(t.puts, put)
}

type view[R row[R]] struct {
	name    string
	sources []Source[R]
}

type entity struct{ service, key string }

func (v *view[R]) Keys(changes []boundary.ViewChange) [][]string {
	// What an earlier change of the same call may put, a later one of its entity may find.
	before := map[entity][]string{}
	lists := make([][]string, len(changes))
	for i := range changes {
		came := &changes[i]
		id := entity{came.Service, came.Entity}
		keys := appendNew(v.ownKeys(came), came.Keys)
		lists[i] = appendNew(keys, before[id])
		before[id] = lists[i]
	}
	return lists
}

func (v *view[R]) Project(changes []boundary.ViewChange, rows []boundary.Row) [][]boundary.Row {
	t := &touched{table: map[string][]byte{}}
	for i := range rows {
		if rows[i].There {
			t.table[rows[i].Key] = rows[i].Data
		}
	}
	put := map[entity][]string{}
	lists := make([][]boundary.Row, len(changes))
	for i := range changes {
		came := &changes[i]
		id := entity{came.Service, came.Entity}
		former, known := put[id]
		if !known {
			former = came.Keys
		}
		t.allowed, t.puts = appendNew(v.ownKeys(came), former), nil
		v.run(came, former, t)
		lists[i] = t.puts
		put[id] = after(former, t.puts)
	}
	return lists
}

// after the puts, the keys of the rows that the entity has put.
func after(former []string, puts []boundary.Row) []string {
	var keys []string
	for _, key := range former {
		if !touches(puts, key) {
			keys = append(keys, key)
		}
	}
	for i := range puts {
		if puts[i].There {
			keys = append(keys, puts[i].Key)
		}
	}
	return keys
}

func (v *view[R]) run(came *boundary.ViewChange, former []string, t *touched) {
	table, change := &Table[R]{t}, changeOf(came)
	source := v.source(came)
	take := v.take(came)
	if came.What == boundary.WhatDeleted && source.deleted != nil {
		source.deleted.project(nil, table, change)
		return
	}
	if take != nil {
		take.project(came.Data, table, change)
	}
	if came.What == boundary.WhatDeleted || (came.What == boundary.WhatUpdated && take != nil) {
		for _, key := range former {
			if !touches(t.puts, key) {
				t.set(key, nil)
			}
		}
	}
}

func (v *view[R]) ownKeys(came *boundary.ViewChange) []string {
	take := v.take(came)
	switch {
	case take == nil:
		return nil
	case take.keys == nil:
		return []string{came.Entity}
	}
	return appendNew(nil, take.keys(came.Data, changeOf(came)))
}

func (v *view[R]) source(came *boundary.ViewChange) *Source[R] {
	for i := range v.sources {
		if v.sources[i].service == came.Service {
			return &v.sources[i]
		}
	}
	panic("the host brings changes only of sources that were described")
}

func (v *view[R]) take(came *boundary.ViewChange) *Take[R] {
	source := v.source(came)
	for i := range source.takes {
		if came.What != boundary.WhatDeleted && source.takes[i].name == came.Name {
			return &source.takes[i]
		}
	}
	return nil
}

func changeOf(came *boundary.ViewChange) Change {
	return Change{came.Service, came.Entity, came.Sequence, came.At}
}

func touches(puts []boundary.Row, key string) bool {
	for i := range puts {
		if puts[i].Key == key {
			return true
		}
	}
	return false
}

func contains(keys []string, key string) bool {
	for _, one := range keys {
		if one == key {
			return true
		}
	}
	return false
}

// appendNew appends those that are not there, each once.
func appendNew(keys, more []string) []string {
	for _, key := range more {
		if !contains(keys, key) {
			keys = append(keys, key)
		}
	}
	return keys
}
