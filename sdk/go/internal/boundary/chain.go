package boundary

// Chain is what accepted commands of every kind have in common: effects and metadata, before the answer. A is the command's own type, which
// the methods return, so that calls follow one another.
type Chain[A any] struct {
	answer Answer
	self   A
}

// BeginChain makes a chain whose methods return `self`.
func BeginChain[A any](chain *Chain[A], self A) A {
	chain.self = self
	return self
}

// AnswerOf is what a chain gathered. It is no method, since authors see the methods of a chain.
func AnswerOf[A any](chain *Chain[A]) *Answer {
	return &chain.answer
}

// SelfOf is what the methods of a chain return. It is no method, since authors see the methods of a chain.
func SelfOf[A any](chain *Chain[A]) A {
	return chain.self
}

// Effect is a command that runs once this decision is durable; its answer is thrown away. An action's runs before its answer is sent.
func (c *Chain[A]) Effect(call Call, options ...DeliveryOption) A {
	c.answer.Deliver(EffectOf(call, options))
	return c.self
}

// SynchronousEffect is an effect that the answer waits for.
func (c *Chain[A]) SynchronousEffect(call Call, options ...DeliveryOption) A {
	c.answer.DeliverSynchronously(EffectOf(call, options))
	return c.self
}

// After is an effect that is due so long after this decision.
func (c *Chain[A]) After(d Duration, call Call, options ...DeliveryOption) A {
	return c.Effect(call, append(options[:len(options):len(options)], After(d))...)
}

// At is an effect that is due at this time, in milliseconds since 1970.
func (c *Chain[A]) At(ms int64, call Call, options ...DeliveryOption) A {
	return c.Effect(call, append(options[:len(options):len(options)], At(ms))...)
}

// Metadata goes with the answer, as a header.
func (c *Chain[A]) Metadata(header Entry) A {
	c.answer.Header(header)
	return c.self
}

// EntityChain is a chain of an entity's command: its effects have names, and answers that are heard; it resolves tickets.
type EntityChain[A any] struct {
	Chain[A]
}

// Effect is a command that runs once this decision is durable; its answer is thrown away.
func (c *EntityChain[A]) Effect(call Call, options ...EffectOption) A {
	c.answer.Deliver(EffectOf(call, options))
	return c.self
}

// SynchronousEffect is an effect that the answer waits for.
func (c *EntityChain[A]) SynchronousEffect(call Call, options ...EffectOption) A {
	c.answer.DeliverSynchronously(EffectOf(call, options))
	return c.self
}

// After is an effect that is due so long after this decision.
func (c *EntityChain[A]) After(d Duration, call Call, options ...EffectOption) A {
	return c.Effect(call, append(options[:len(options):len(options)], After(d))...)
}

// At is an effect that is due at this time, in milliseconds since 1970.
func (c *EntityChain[A]) At(ms int64, call Call, options ...EffectOption) A {
	return c.Effect(call, append(options[:len(options):len(options)], At(ms))...)
}

// Ask is an effect whose outcome this entity hears, as a command of a method of its own: gen.ShopHears.Charged(note).
func (c *EntityChain[A]) Ask(call Call, hearing Hearing, options ...EffectOption) A {
	c.answer.Deliver(AskOf(call, hearing, options))
	return c.self
}

// Cancel drops the pending effects of these names, before the effects of this decision act. A name that is not pending is passed over.
func (c *EntityChain[A]) Cancel(names ...string) A {
	c.answer.Cancels = append(c.answer.Cancels, names...)
	return c.self
}

// Resolve answers all who wait for a ticket: gen.ShopTickets.Pay("ticket").Reply(message). Where it is not open, that does nothing.
func (c *EntityChain[A]) Resolve(resolution Resolution) A {
	c.answer.Resolves = append(c.answer.Resolves, resolution)
	return c.self
}
