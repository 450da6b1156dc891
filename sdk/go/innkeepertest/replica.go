package innkeepertest

import (
	"slices"

	"innkeeper/wire"
)

// replica is one node's copy of a replicated value: operations change it, views show it. There is no merging in it: one node is
// alone. Numbers are those of innkeeper.crdt.v1 (wit/proto).
type replica struct {
	kind uint32
	// Of a counter, zigzag as on the wire; of a flag and a vote, whether it is on.
	number uint64
	// Of a register.
	bytes  []byte
	custom int64
	// Elements of a set (without values) and entries of a map.
	entries map[string]*replica
}

const (
	kindGCounter = 1 + iota
	kindPNCounter
	kindGSet
	kindORSet
	kindLWWRegister
	kindFlag
	kindORMap
	kindVote
)

func newReplica(kind uint32) *replica {
	return &replica{kind: kind, entries: map[string]*replica{}}
}

func (r *replica) clone() *replica {
	if r == nil {
		return nil
	}
	copied := *r
	copied.entries = map[string]*replica{}
	for key, value := range r.entries {
		copied.entries[key] = value.clone()
	}
	return &copied
}

// applied is a copy after the operations; `root` is nil while there is nothing.
func applied(root *replica, operations []byte) *replica {
	root = root.clone()
	reader := wire.NewReader(operations)
	for reader.More() {
		if tag := reader.Tag(); tag != 1<<3|2 {
			reader.Skip(tag)
			continue
		}
		outer := reader.Enter()
		root = apply(root, &reader)
		reader.Leave(outer)
	}
	return root
}

func apply(root *replica, reader *wire.Reader) *replica {
	at, inner, key := root, (*replica)(nil), ""
	for reader.More() {
		tag := reader.Tag()
		if tag == 1<<3|2 {
			if inner = at; inner == nil {
				panic("an operation in a map that is not there")
			}
			key = string(reader.Bytes())
			at = inner.entries[key]
			continue
		}
		if tag>>3 == 2 {
			if kind := reader.Uint32(); at == nil || at.kind != kind {
				at = newReplica(kind)
			}
		} else {
			if at == nil {
				panic("an operation on what is not there")
			}
			at.change(tag, reader)
		}
		if inner == nil {
			root = at
		} else {
			inner.entries[key] = at
		}
	}
	return root
}

func (r *replica) change(tag uint32, reader *wire.Reader) {
	switch tag >> 3 {
	case 3:
		r.number += reader.Uint64()
	case 4:
		sum := int64(r.number>>1) ^ -int64(r.number&1)
		sum += reader.Sint64()
		r.number = uint64(sum<<1) ^ uint64(sum>>63)
	case 5:
		r.entries[string(reader.Bytes())] = nil
	case 6:
		delete(r.entries, string(reader.Bytes()))
	case 7:
		reader.Bool()
		clear(r.entries)
	case 8:
		r.assign(reader)
	case 9, 10:
		r.number = reader.Uint64()
	default:
		reader.Skip(tag)
	}
}

// assign: with the custom clock the greater number wins; the others write.
func (r *replica) assign(reader *wire.Reader) {
	var value []byte
	var clock uint32
	var custom int64
	outer := reader.Enter()
	for reader.More() {
		switch tag := reader.Tag(); tag {
		case 1<<3 | 2:
			value = reader.Bytes()
		case 2 << 3:
			clock = reader.Uint32()
		case 3 << 3:
			custom = reader.Int64()
		default:
			reader.Skip(tag)
		}
	}
	reader.Leave(outer)
	const customClock, autoIncrement = 2, 3
	if clock == customClock && custom < r.custom {
		return
	}
	if clock == autoIncrement {
		custom = max(custom, r.custom+1)
	}
	r.bytes, r.custom = value, custom
}

// view is a message innkeeper.crdt.v1.View. With `only` it is a part: these elements, if they are there.
func (r *replica) view(partial bool, only [][]byte) []byte {
	var b []byte
	if r != nil {
		b = append(b, 1<<3, 1, 2<<3|2, 0)
		start := len(b)
		b = wire.Close(r.value(b, partial, only), start)
	}
	if partial {
		b = append(b, 3<<3, 1)
	}
	return b
}

func (r *replica) value(b []byte, partial bool, only [][]byte) []byte {
	b = append(b, byte(r.kind<<3|2), 0)
	start := len(b)
	switch r.kind {
	case kindGSet, kindORSet, kindORMap:
		for _, key := range wire.SortedKeys(r.entries) {
			if partial && !slices.ContainsFunc(only, func(one []byte) bool { return string(one) == key }) {
				continue
			}
			b = r.entry(b, key)
		}
		b = wire.AppendUint64(append(b, 2<<3), uint64(len(r.entries)))
	case kindLWWRegister:
		b = wire.AppendBytes(append(b, 1<<3|2), r.bytes)
	case kindVote:
		b = wire.AppendUint64(append(b, 1<<3), r.number)
		b = wire.AppendUint64(append(b, 2<<3), r.number)
		b = append(b, 3<<3, 1)
	default:
		b = wire.AppendUint64(append(b, 1<<3), r.number)
	}
	return wire.Close(b, start)
}

func (r *replica) entry(b []byte, key string) []byte {
	if r.kind != kindORMap {
		return wire.AppendBytes(append(b, 1<<3|2), []byte(key))
	}
	b = append(b, 1<<3|2, 0)
	start := len(b)
	b = wire.AppendBytes(append(b, 1<<3|2), []byte(key))
	b = append(b, 2<<3|2, 0)
	inner := len(b)
	b = wire.Close(r.entries[key].value(b, false, nil), inner)
	return wire.Close(b, start)
}
