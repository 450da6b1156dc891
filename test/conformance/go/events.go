package conformance

import (
	"strings"

	"conformance/gen"
	"innkeeper"
	"innkeeper/eventsourced"
)

// events is the model service of event sourcing.
type events struct{}

func (events) Do(
	_ *gen.Log,
	script *gen.Script,
	c *eventsourced.Command[*gen.Log, *gen.Said],
) eventsourced.Decision {
	var changes []innkeeper.Message
	done := perform(script, c.Context, showing{knows: &entity{do: gen.EventsTickets.Do, heard: gen.EventsTickets.Heard, hears: gen.EventsHears.Heard}}, func(act *gen.Act) {
		switch one := act.Act.(type) {
		case *gen.Act_Note:
			changes = append(changes, &gen.Noted{Text: one.Note})
		case *gen.Act_Clear:
			changes = append(changes, &gen.Cleared{})
		}
	})
	if done.refusal != nil {
		return c.RefuseWith(done.refusal)
	}
	accepted := withAll(c.Accept(changes...), done)
	if done.forward != nil {
		return accepted.Forward(*done.forward)
	}
	if done.later != nil {
		return waits(accepted.Later, done.later)
	}
	return accepted.ReplyAfter(func(after *gen.Log) *gen.Said {
		return done.said(func() string { return orNone(strings.Join(after.Notes, ",")) })
	})
}

func (events) Heard(
	_ *gen.Log,
	answered *gen.Answered,
	c *eventsourced.Command[*gen.Log, *gen.Said],
) eventsourced.Decision {
	text := heardOf(answered)
	return c.Accept(&gen.Noted{Text: text}).Reply(&gen.Said{Text: text})
}

func noted(log *gen.Log, event *gen.Noted) *gen.Log {
	log.Notes = append(log.Notes, event.Text)
	return log
}

func cleared(*gen.Log, *gen.Cleared) *gen.Log {
	return &gen.Log{}
}
