package innkeeper

import "innkeeper/internal/boundary"

// Context is all that a handler may know besides state and request. Same command, same context: time and chance come with the
// command and are in the journal, so a decision can be made again.
type Context struct {
	Logger
	entity  string
	now     float64
	seed    [4]uint32
	headers []Header
	random  *random
}

// NewContext is for the kinds of services. An action has no entity.
func NewContext(entity string, now float64, seed [4]uint32, headers []Header) *Context {
	c := MakeContext(entity, now, seed, headers)
	return &c
}

// MakeContext is NewContext for one that lies in something else: it saves an allocation for each command.
func MakeContext(entity string, now float64, seed [4]uint32, headers []Header) Context {
	return Context{entity: entity, now: now, seed: seed, headers: headers}
}

// Entity is the entity's key; "" in an action.
func (c *Context) Entity() string {
	return c.entity
}

// Now is the time in whole milliseconds since 1970, never backwards for an entity.
func (c *Context) Now() int64 {
	return int64(c.now)
}

// Random is at least 0, below 1. The sequence starts anew with every command.
func (c *Context) Random() float64 {
	return c.source().fraction()
}

// RandomBytes are not for secrets.
func (c *Context) RandomBytes(length int) []byte {
	return c.source().bytes(length)
}

// UUID is a version 4 UUID.
func (c *Context) UUID() string {
	return c.source().uuid()
}

// Headers are what the caller sent along: in order, duplicates included, names in lower case.
func (c *Context) Headers() []Header {
	return c.headers
}

// Header is the first text of a name, in any case; "" if there is none.
func (c *Context) Header(name string) string {
	entry, _ := boundary.EntryNamed(c.headers, name)
	return entry.Text
}

// HeaderBytes are the first value of a name that ends in -bin; nil if there is none.
func (c *Context) HeaderBytes(name string) []byte {
	entry, _ := boundary.EntryNamed(c.headers, name)
	return entry.Data
}

func (c *Context) source() *random {
	if c.random == nil {
		c.random = newRandom(c.seed)
	}
	return c.random
}
