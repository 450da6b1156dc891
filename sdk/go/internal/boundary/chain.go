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
func (c *Chain[A]) Effect(call Call) A {
	c.answer.Effect(call, false)
	return c.self
}

// SynchronousEffect is an effect that the answer waits for.
func (c *Chain[A]) SynchronousEffect(call Call) A {
	c.answer.Effect(call, true)
	return c.self
}

// Metadata goes with the answer, as a header.
func (c *Chain[A]) Metadata(header Entry) A {
	c.answer.Header(header)
	return c.self
}
