package crdt

import (
	"bytes"
	"slices"

	"innkeeper/wire"
)

// Content is a replicated value as a view shows it, in bytes (innkeeper.crdt.v1, in wit/proto). It is read lazily: elements and
// entries are looked at when they are asked for, and never change.

// Kinds of values: the numbers of innkeeper.crdt.v1.Kind, and of the fields of Value.
const (
	gCounter = 1 + iota
	pnCounter
	gSet
	orSet
	lwwRegister
	flag
	orMap
	vote
	// A part of what is there, of which nothing is known.
	unknown = 0
)

var kindNames = [...]string{"", "GCounter", "PNCounter", "GSet", "ORSet", "LWWRegister", "Flag", "ORMap", "Vote"}

const notSeen = "the view of this method does not hold the value that is looked at; declare it in the views"

type content struct {
	kind   uint8
	source []byte
	// Of a set or a map that is not the whole: the keys that were looked up. What else is not in it is not known.
	partial bool
	looked  [][]byte

	passes  int
	entries []entry
	indexed bool
}

// entry of a map, or an element of a set (without a value).
type entry struct {
	key   []byte
	value []byte
}

// Seen is what the bytes of a view hold. Without content there is no such entity yet, or the view holds nothing of it.
type Seen struct {
	content *content
	Exists  bool
	Partial bool
}

// ReadView reads a message innkeeper.crdt.v1.View. What it answers looks into the bytes: they must stay as they are.
func ReadView(data []byte) Seen {
	var seen Seen
	r := wire.NewReader(data)
	for r.More() {
		switch tag := r.Tag(); tag {
		case 1 << 3:
			seen.Exists = r.Bool()
		case 2<<3 | 2:
			outer := r.Enter()
			seen.content = readValue(&r)
			r.Leave(outer)
		case 3 << 3:
			seen.Partial = r.Bool()
		default:
			r.Skip(tag)
		}
	}
	if r.Problem() != "" {
		panic("the host's view is malformed: " + r.Problem())
	}
	if !seen.Exists {
		seen.content = nil
	}
	return seen
}

// readValue reads the message Value that the reader is in.
func readValue(r *wire.Reader) *content {
	var found *content
	for r.More() {
		tag := r.Tag()
		if tag&7 == 2 && tag>>3 <= vote {
			found = &content{kind: uint8(tag >> 3), source: r.View()}
		} else {
			r.Skip(tag)
		}
	}
	return found
}

// LookedAt is the view where only these elements or keys were looked up.
func (s Seen) LookedAt(keys [][]byte) Seen {
	if !s.Partial || s.content == nil && !s.Exists {
		return s
	}
	// Of a counter or a register a part is nothing: what is there is not known.
	looked := content{}
	if s.content != nil && (s.content.kind == gSet || s.content.kind == orSet || s.content.kind == orMap) {
		looked = content{kind: s.content.kind, source: s.content.source, partial: true, looked: keys}
	}
	s.content = &looked
	return s
}

// varint of a counter, a flag and the like: the last of a field.
func (c *content) varint(number uint32) (value uint64) {
	r := wire.NewReader(c.source)
	for r.More() {
		if tag := r.Tag(); tag == number<<3 {
			value = r.Uint64()
		} else {
			r.Skip(tag)
		}
	}
	return value
}

// So many elements are looked for one by one before all are indexed.
const passesMax = 4

// find answers with the entry of a key. It panics if it is not known.
func (c *content) find(key []byte) (found entry, has bool) {
	if has = c.search(key, &found); !has && !c.knows(key) {
		panic(notSeen)
	}
	return found, has
}

func (c *content) search(key []byte, found *entry) bool {
	if !c.indexed && c.passes < passesMax {
		c.passes++
		return c.each(func(one entry) bool {
			if !bytes.Equal(one.key, key) {
				return true
			}
			*found = one
			return false
		})
	}
	at, has := slices.BinarySearchFunc(c.all(), key, func(one entry, key []byte) int { return bytes.Compare(one.key, key) })
	if has {
		*found = c.entries[at]
	}
	return has
}

// knows tells whether a key that is not here is not there.
func (c *content) knows(key []byte) bool {
	return !c.partial || slices.ContainsFunc(c.looked, func(one []byte) bool { return bytes.Equal(one, key) })
}

// whole panics if the view is a part.
func (c *content) whole() []entry {
	if c.partial {
		panic("the view of this method holds some elements only (see its views), so there is no list of them")
	}
	return c.all()
}

// all in the order of keys.
func (c *content) all() []entry {
	if !c.indexed {
		c.each(func(one entry) bool {
			c.entries = append(c.entries, one)
			return true
		})
		compare := func(a, b entry) int { return bytes.Compare(a.key, b.key) }
		if !slices.IsSortedFunc(c.entries, compare) {
			slices.SortStableFunc(c.entries, compare)
		}
		c.indexed = true
	}
	return c.entries
}

// each entry, until `visit` says no. It answers whether it did.
func (c *content) each(visit func(one entry) bool) (stopped bool) {
	r := wire.NewReader(c.source)
	for r.More() {
		tag := r.Tag()
		if tag != 1<<3|2 {
			r.Skip(tag)
			continue
		}
		one := entry{key: r.View()}
		if c.kind == orMap {
			one = readEntry(one.key)
		}
		if !visit(one) {
			return true
		}
	}
	return false
}

func readEntry(source []byte) (one entry) {
	r := wire.NewReader(source)
	for r.More() {
		switch tag := r.Tag(); tag {
		case 1<<3 | 2:
			one.key = r.View()
		case 2<<3 | 2:
			one.value = r.View()
		default:
			r.Skip(tag)
		}
	}
	return one
}

func (e entry) content() *content {
	r := wire.NewReader(e.value)
	return readValue(&r)
}

// size of the whole, also where the view is a part.
func (c *content) size() int {
	said := int(c.varint(2))
	count := len(c.entries)
	if !c.indexed {
		c.each(func(entry) bool {
			count++
			return true
		})
	}
	return max(said, count)
}
