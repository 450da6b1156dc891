package conformance

import (
	"slices"
	"strconv"
	"strings"

	"conformance/gen"
	"innkeeper"
	"innkeeper/crdt"
	"innkeeper/replicated"
)

var (
	textElement = crdt.Text
	setOfTexts  = crdt.ORSet(textElement)
)

type set = *crdt.ORSetView[string]

// members is the model service of what a method sees of a replicated value, and of its streams.
type members struct{}

var membersKnow = &entity{
	do:    gen.MembersTickets.Do,
	heard: gen.MembersTickets.Heard,
	hears: gen.MembersHears.Heard,
}

type membersCommand = replicated.Command[set, *gen.Said]

func (members) Do(view set, script *gen.Script, c *membersCommand) replicated.Decision {
	return membership(view, script, c, everything(view, script))
}

func (members) Blind(view set, script *gen.Script, c *membersCommand) replicated.Decision {
	return membership(view, script, c, sight{})
}

func (members) One(view set, script *gen.Script, c *membersCommand) replicated.Decision {
	return membership(view, script, c, sight{elements: []string{script.Element}, has: hasOf(view, script)})
}

func (members) Some(view set, script *gen.Script, c *membersCommand) replicated.Decision {
	elements := slices.Compact(slices.Sorted(slices.Values(script.Look)))
	return membership(view, script, c, sight{elements: elements})
}

func (members) Open(
	view set,
	script *gen.Script,
	c *replicated.StreamCommand[set, *gen.Said],
) replicated.Decision {
	sees := everything(view, script)
	done := membersDone(view, script, c.Context, sees, nil)
	if done.refusal != nil || done.deleted || done.forward != nil {
		return done.answer(&c.Command, sees)
	}
	return withAll(c.Accept(done.operations...), done.performed).StreamAfter(done.after(sees))
}

func (members) Heard(view set, answered *gen.Answered, c *membersCommand) replicated.Decision {
	text := heardOf(answered)
	return c.Accept(view.Add(text)).Reply(&gen.Said{Text: text})
}

func (members) OpenChanged(view set, _ *gen.Script, c *replicated.Change[*gen.Said]) replicated.Told {
	if view.Has("bad") {
		return c.Refuse(innkeeper.FailedPrecondition, "bad")
	}
	said := &gen.Said{Text: membersOf(view)}
	if view.Has("end") {
		return c.EndWith(said)
	}
	return c.Emit(said)
}

func (members) OpenCancelled(view set, _ *gen.Script, c *replicated.Leaving) replicated.Left {
	return c.Accept(view.Add("left"))
}

// sight is what a method sees: all, or the elements that were looked up.
type sight struct {
	all      bool
	elements []string
	// Whether the request's element is in it; nil where that is not known.
	has func() string
}

func everything(view set, script *gen.Script) sight {
	return sight{all: true, has: hasOf(view, script)}
}

func hasOf(view set, script *gen.Script) func() string {
	return func() string { return strconv.FormatBool(view.Has(script.Element)) }
}

type membersPerformed struct {
	performed
	operations []crdt.Operation
	deleted    bool
}

func membersDone(
	view set,
	script *gen.Script,
	c *innkeeper.Context,
	sees sight,
	knows *entity,
) membersPerformed {
	var done membersPerformed
	show := showing{knows: knows, size: func() string { return strconv.Itoa(view.Size()) }, has: sees.has}
	done.performed = perform(script, c, show, func(act *gen.Act) {
		switch one := act.Act.(type) {
		case *gen.Act_Note:
			done.operations = append(done.operations, view.Add(one.Note))
		case *gen.Act_Drop:
			done.operations = append(done.operations, view.Remove(one.Drop))
		case *gen.Act_Clear:
			done.operations = append(done.operations, view.Clear())
		case *gen.Act_Delete:
			done.deleted = true
		}
	})
	return done
}

func (m membersPerformed) after(sees sight) func(after set) *gen.Said {
	return func(after set) *gen.Said {
		return m.said(func() string {
			if sees.all {
				return membersOf(after)
			}
			var there []string
			for _, element := range sees.elements {
				if after.Has(element) {
					there = append(there, element)
				}
			}
			return orNone(strings.Join(there, ","))
		})
	}
}

func membership(view set, script *gen.Script, c *membersCommand, sees sight) replicated.Decision {
	return membersDone(view, script, c.Context, sees, membersKnow).answer(c, sees)
}

func (done membersPerformed) answer(c *membersCommand, sees sight) replicated.Decision {
	if done.refusal != nil {
		return c.RefuseWith(done.refusal)
	}
	accepted := c.Accept(done.operations...)
	if done.deleted {
		accepted = c.Remove(done.operations...)
	}
	accepted = withAll(accepted, done.performed)
	if done.forward != nil {
		return accepted.Forward(*done.forward)
	}
	if done.later != nil {
		return waits(accepted.Later, done.later)
	}
	return accepted.ReplyAfter(done.after(sees))
}

func membersOf(view set) string {
	return orNone(strings.Join(slices.Collect(view.All()), ","))
}
