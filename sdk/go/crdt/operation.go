package crdt

import (
	"bytes"
	"maps"
	"slices"
	"strings"

	"innkeeper/wire"
)

// Operation is a change of a replicated value. Views make them; Accept takes them.
//
//   - Whatever an operation needs and the view does not show (the entity, entries on the way, the value itself) is created
//     first: the kind would be ambiguous otherwise, and a path would lead nowhere. Creating does nothing where it is there.
//   - After a removal in the same decision nothing of a path counts as there.
//   - A register's first value is a write: a decision on a new one that sets none sets the initial value.
type Operation struct {
	place *place
	// The number of the field of innkeeper.crdt.v1.Operation.
	field   uint8
	amount  uint64
	element []byte
	clock   Clock
	at      int64
}

const (
	create    = 2
	increment = 3
	add       = 4
	insert    = 5
	remove    = 6
	clearing  = 7
	assign    = 8
	enable    = 9
	voting    = 10
)

// Clock says which of two writes of a register wins.
type Clock uint8

const (
	// ClockDefault: the later one.
	ClockDefault Clock = iota
	// ClockReverse: the earlier one.
	ClockReverse
	// ClockCustom: the one with the greater number.
	ClockCustom
	// ClockCustomAutoIncrement: that, or one more than what is there.
	ClockCustomAutoIncrement
)

// place is where a value is. Linked outwards: most places are only read at.
type place struct {
	outer *place
	// In the map around it; the entity's own value has none.
	key  []byte
	kind uint8
	// The view shows it.
	exists bool
}

// wayTo has the places on the way, outermost first, the last one included.
func wayTo(to *place) []*place {
	depth := 0
	for at := to; at != nil; at = at.outer {
		depth++
	}
	way := make([]*place, depth)
	for at := to; at != nil; at = at.outer {
		depth--
		way[depth] = at
	}
	return way
}

// EncodeOperations makes a message innkeeper.crdt.v1.Operations. `initial` is of a register that does not exist yet.
func EncodeOperations(operations []Operation, initial []byte) []byte {
	if len(operations) == 0 {
		if initial == nil {
			return nil
		}
		root := &place{kind: lwwRegister}
		operations = []Operation{{place: root, field: assign, element: initial}}
	}
	e := encoder{}
	for _, operation := range operations {
		way := wayTo(operation.place)
		made := false
		for depth, at := range way {
			if !at.exists || len(e.removed) > 0 && depth > 0 {
				made = e.create(way[:depth+1])
			}
		}
		if operation.field == create {
			// A register begins with no bytes; what it is to begin with is a write, and none where it is there.
			isNew := made && (!operation.place.exists || e.isRemoved(appendPath(nil, way)))
			if isNew && len(operation.element) > 0 {
				e.operation(way, Operation{field: assign, element: operation.element})
			}
			continue
		}
		e.operation(way, operation)
		if operation.field == remove || operation.field == clearing {
			gone := appendPath(nil, way)
			if operation.field == remove {
				gone = wire.AppendBytes(append(gone, 1<<3|2), operation.element)
			}
			e.removed = append(e.removed, gone)
			// What was created elsewhere is still there.
			maps.DeleteFunc(e.created, func(path string, _ bool) bool { return strings.HasPrefix(path, string(gone)) })
		}
	}
	return e.bytes
}

type encoder struct {
	bytes []byte
	// Paths that were created, and not removed since.
	created map[string]bool
	// Beginnings of paths below which nothing of the view is left. A part of a path has its length, so none begins with another one by chance.
	removed [][]byte
}

func (e *encoder) isRemoved(path []byte) bool {
	return slices.ContainsFunc(e.removed, func(beginning []byte) bool { return bytes.HasPrefix(path, beginning) })
}

// create answers whether it was not created before.
func (e *encoder) create(way []*place) bool {
	path := appendPath(nil, way)
	if e.created[string(path)] {
		return false
	}
	if e.created == nil {
		e.created = map[string]bool{}
	}
	e.created[string(path)] = true
	e.operation(way, Operation{field: create, amount: uint64(way[len(way)-1].kind)})
	return true
}

func (e *encoder) operation(way []*place, operation Operation) {
	b := append(e.bytes, 1<<3|2, 0)
	start := len(b)
	b = appendPath(b, way)
	switch operation.field {
	case create, increment:
		b = wire.AppendUint64(append(b, operation.field<<3), operation.amount)
	case add:
		b = wire.AppendSint64(append(b, add<<3), int64(operation.amount))
	case insert, remove:
		b = wire.AppendBytes(append(b, operation.field<<3|2), operation.element)
	case clearing, enable:
		b = append(b, operation.field<<3, 1)
	case voting:
		b = append(b, voting<<3, byte(operation.amount))
	case assign:
		b = append(b, assign<<3|2, 0)
		from := len(b)
		if len(operation.element) > 0 {
			b = wire.AppendBytes(append(b, 1<<3|2), operation.element)
		}
		if operation.clock != ClockDefault {
			b = append(b, 2<<3, byte(operation.clock))
		}
		if operation.at != 0 {
			b = wire.AppendInt64(append(b, 3<<3), operation.at)
		}
		b = wire.Close(b, from)
	}
	e.bytes = wire.Close(b, start)
}

func appendPath(b []byte, way []*place) []byte {
	for _, at := range way[1:] {
		b = wire.AppendBytes(append(b, 1<<3|2), at.key)
	}
	return b
}
