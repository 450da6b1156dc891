package crdt

import "iter"

// Views are what a handler reads of a replicated value, and what makes its operations.
//
//   - A value that does not exist yet reads as its default; an operation on it creates it.
//   - Nothing is guessed: looking for an element that the method's view does not hold panics, and says how to declare it.

// node is a value, or the lack of one, and its place.
type node struct {
	content *content
	place   *place
}

// of the content, nil if there is none. It panics if the host has another kind.
func (n node) of(kind uint8) *content {
	if n.content == nil || n.content.kind == kind {
		return n.content
	}
	if n.content.kind == unknown {
		panic(notSeen)
	}
	panic("the value is a " + kindNames[n.content.kind] + ", not a " + kindNames[kind])
}

func (n node) varint(kind uint8, number uint32, otherwise uint64) uint64 {
	if content := n.of(kind); content != nil {
		return content.varint(number)
	}
	return otherwise
}

func (n node) operation(field uint8, amount uint64, element []byte) Operation {
	return Operation{place: n.place, field: field, amount: amount, element: element}
}

// GCounterView is of a counter that only grows.
type GCounterView struct{ node }

func (v *GCounterView) Value() uint64 {
	return v.varint(gCounter, 1, 0)
}

func (v *GCounterView) Add(amount uint64) Operation {
	return v.operation(increment, amount, nil)
}

// PNCounterView is of a counter.
type PNCounterView struct{ node }

func (v *PNCounterView) Value() int64 {
	zigzag := v.varint(pnCounter, 1, 0)
	return int64(zigzag>>1) ^ -int64(zigzag&1)
}

func (v *PNCounterView) Add(amount int64) Operation {
	return v.operation(add, uint64(amount), nil)
}

// GSetView is of a set that only grows.
type GSetView[T any] struct {
	node
	element Element[T]
	kind    uint8
}

// Size is that of the whole set, also where the view is a part.
func (v *GSetView[T]) Size() int {
	if content := v.of(v.kind); content != nil {
		return content.size()
	}
	return 0
}

func (v *GSetView[T]) Has(element T) bool {
	content := v.of(v.kind)
	if content == nil {
		return false
	}
	_, has := content.find(v.element.encode(element))
	return has
}

// All elements, in the order of their bytes (Element): the same every time, but no alphabetical one.
func (v *GSetView[T]) All() iter.Seq[T] {
	return func(yield func(T) bool) {
		if content := v.of(v.kind); content != nil {
			for _, entry := range content.whole() {
				if !yield(v.element.of(entry.key)) {
					return
				}
			}
		}
	}
}

func (v *GSetView[T]) Add(element T) Operation {
	return v.operation(insert, 0, v.element.encode(element))
}

// ORSetView is of a set. An element that is added and removed at the same time is in it.
type ORSetView[T any] struct{ GSetView[T] }

func (v *ORSetView[T]) Remove(element T) Operation {
	return v.operation(remove, 0, v.element.encode(element))
}

func (v *ORSetView[T]) Clear() Operation {
	return v.operation(clearing, 0, nil)
}

// LWWRegisterView is of a value of which the last write wins.
type LWWRegisterView[T any] struct {
	node
	element Element[T]
	initial T
}

func (v *LWWRegisterView[T]) Value() T {
	content := v.of(lwwRegister)
	if content == nil {
		return v.initial
	}
	var written []byte
	content.each(func(one entry) bool {
		written = one.key
		return true
	})
	return v.element.of(written)
}

func (v *LWWRegisterView[T]) Set(value T) Operation {
	return v.SetBy(value, ClockDefault, 0)
}

// SetBy sets with a clock; `at` is the number of the custom ones.
func (v *LWWRegisterView[T]) SetBy(value T, clock Clock, at int64) Operation {
	operation := v.operation(assign, 0, v.element.encode(value))
	operation.clock, operation.at = clock, at
	return operation
}

// FlagView is of what is off, and once on, on for good.
type FlagView struct{ node }

func (v *FlagView) Enabled() bool {
	return v.varint(flag, 1, 0) != 0
}

func (v *FlagView) Enable() Operation {
	return v.operation(enable, 0, nil)
}

// VoteView is of a vote of each node, not of each client.
type VoteView struct{ node }

func (v *VoteView) Self() bool {
	return v.varint(vote, 1, 0) != 0
}

func (v *VoteView) VotesFor() uint32 {
	return uint32(v.varint(vote, 2, 0))
}

func (v *VoteView) Voters() uint32 {
	return uint32(v.varint(vote, 3, 1))
}

func (v *VoteView) Vote(self bool) Operation {
	if self {
		return v.operation(voting, 1, nil)
	}
	return v.operation(voting, 0, nil)
}

// ORMapView is of a map whose values are replicated values.
type ORMapView[K, V any] struct {
	node
	key  Element[K]
	kind func(key K) Kind[V]
}

// Size is that of the whole map, also where the view is a part.
func (v *ORMapView[K, V]) Size() int {
	if content := v.of(orMap); content != nil {
		return content.size()
	}
	return 0
}

func (v *ORMapView[K, V]) Has(key K) bool {
	content := v.of(orMap)
	if content == nil {
		return false
	}
	_, has := content.find(v.key.encode(key))
	return has
}

// At is the value of a key; of one that is not there, a view to create it with.
func (v *ORMapView[K, V]) At(key K) V {
	bytes := v.key.encode(key)
	var found entry
	seen := v.of(orMap)
	switch {
	case seen == nil:
		return v.opened(key, bytes, nil, false)
	case seen.search(bytes, &found):
		inner := found.content()
		return v.opened(key, bytes, inner, inner != nil && v.place.exists)
	case seen.knows(bytes):
		return v.opened(key, bytes, nil, false)
	}
	// An operation needs no look at the value; reading one that the view does not hold is told when it is read.
	return v.opened(key, bytes, &content{}, false)
}

// Create adds a key with its value's default; nothing where it is there. Any operation on At adds it, too.
func (v *ORMapView[K, V]) Create(key K) Operation {
	bytes, kind := v.key.encode(key), v.kind(key)
	var found entry
	seen := v.of(orMap)
	exists := seen != nil && seen.search(bytes, &found) && v.place.exists
	// Else it could be there: a first value would take the place of what it holds.
	if seen != nil && !exists && len(kind.initial) > 0 && !seen.knows(bytes) {
		panic(notSeen)
	}
	at := &place{outer: v.place, key: bytes, kind: kind.number, exists: exists}
	return Operation{place: at, field: create, element: kind.initial}
}

// All entries, in the order of the bytes of their keys.
func (v *ORMapView[K, V]) All() iter.Seq2[K, V] {
	return func(yield func(K, V) bool) {
		if content := v.of(orMap); content != nil {
			for _, entry := range content.whole() {
				key := v.key.of(entry.key)
				if !yield(key, v.opened(key, entry.key, entry.content(), v.place.exists)) {
					return
				}
			}
		}
	}
}

// Keys in the order of their bytes.
func (v *ORMapView[K, V]) Keys() iter.Seq[K] {
	return func(yield func(K) bool) {
		if content := v.of(orMap); content != nil {
			for _, entry := range content.whole() {
				if !yield(v.key.of(entry.key)) {
					return
				}
			}
		}
	}
}

func (v *ORMapView[K, V]) Remove(key K) Operation {
	return v.operation(remove, 0, v.key.encode(key))
}

func (v *ORMapView[K, V]) Clear() Operation {
	return v.operation(clearing, 0, nil)
}

func (v *ORMapView[K, V]) opened(key K, bytes []byte, inner *content, exists bool) V {
	kind := v.kind(key)
	return kind.open(node{inner, &place{outer: v.place, key: bytes, kind: kind.number, exists: exists}})
}
