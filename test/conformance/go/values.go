package conformance

import (
	"conformance/gen"
	"innkeeper/value"
)

// values is the model service of values.
type values struct{}

func (values) Do(_ *gen.Box, script *gen.Script, c *value.Command[*gen.Box, *gen.Said]) value.Decision {
	accepted := c.Accept()
	done := perform(script, c.Context, showing{}, func(act *gen.Act) {
		switch one := act.Act.(type) {
		case *gen.Act_Note:
			accepted = c.Update(&gen.Box{Text: one.Note})
		case *gen.Act_Clear:
			accepted = c.Remove()
		}
	})
	if done.refusal != nil {
		return c.RefuseWith(done.refusal)
	}
	accepted = withAll(accepted, done)
	if done.forward != nil {
		return accepted.Forward(*done.forward)
	}
	return accepted.ReplyAfter(func(after *gen.Box) *gen.Said {
		return done.said(func() string {
			if after == nil {
				return "-"
			}
			return "[" + after.Text + "]"
		})
	})
}
