package conformance

import (
	"conformance/gen"
	"innkeeper/value"
)

// values is the model service of values.
type values struct{}

func (values) Do(_ *gen.Box, script *gen.Script, c *value.Command[*gen.Box, *gen.Said]) value.Decision {
	accepted := c.Accept()
	done := perform(script, c.Context, showing{knows: &entity{do: gen.ValuesTickets.Do, heard: gen.ValuesTickets.Heard, hears: gen.ValuesHears.Heard}}, func(act *gen.Act) {
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
	if done.later != nil {
		return waits(accepted.Later, done.later)
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

func (values) Heard(_ *gen.Box, answered *gen.Answered, c *value.Command[*gen.Box, *gen.Said]) value.Decision {
	text := heardOf(answered)
	return c.Update(&gen.Box{Text: text}).Reply(&gen.Said{Text: text})
}
