package conformance

import (
	"math"
	"strconv"
	"strings"

	"conformance/gen"
	"innkeeper"
	"innkeeper/action"
)

// actions is the model service of what has no state.
type actions struct{}

func (actions) Do(script *gen.Script, c *action.Command[*gen.Said]) action.Decision {
	done := perform(script, c.Context, showing{}, func(*gen.Act) {})
	if done.refusal != nil {
		// An action's refusal keeps its effects.
		return withEffects(c.RefuseWith(done.refusal), done)
	}
	accepted := withDeliveries(c.Accept(), done)
	if done.forward != nil {
		return accepted.Forward(*done.forward)
	}
	return accepted.Reply(done.said(func() string { return "-" }))
}

func withEffects(refused action.Decision, done performed) action.Decision {
	done.headers = nil
	return withDeliveries(refused, done)
}

func (actions) Echo(request *gen.Everything, c *action.Command[*gen.Everything]) action.Decision {
	return c.Accept().Reply(request)
}

func (actions) Table(_ *gen.Script, c *action.Command[*gen.Everything]) action.Decision {
	strings := map[string]int32{}
	for i := range 20 {
		key := "k" + strconv.Itoa(i/10) + strconv.Itoa(i%10)
		strings[key] = int32(i + 1)
	}
	nan := math.NaN()
	return c.Accept().Reply(&gen.Everything{FDouble: nan, FFloat: float32(nan), Strings: strings})
}

// Count's state is the script, with what was said in the place of its element.
func (actions) Count() action.ServerStreamHandler[*gen.Script, *gen.Said] {
	return action.ServerStream[*gen.Script, *gen.Script, *gen.Said]{
		Start: func(script *gen.Script, _ *innkeeper.Context) (*gen.Script, *innkeeper.Refusal) {
			return &gen.Script{
				Acts:    script.Acts,
				Element: "0",
				Count:   min(script.Count, 1000),
				Chunk:   max(script.Chunk, 1),
			}, nil
		},
		Next: func(script *gen.Script, s *action.Step[*gen.Script, *gen.Said]) *action.Step[*gen.Script, *gen.Said] {
			said, _ := strconv.ParseUint(script.Element, 10, 32)
			until := min(uint64(script.Count), said+uint64(script.Chunk))
			for number := said + 1; number <= until; number++ {
				s.Emit(&gen.Said{Text: strconv.FormatUint(number, 10)})
			}
			for _, effect := range perform(script, s.Context, showing{}, func(*gen.Act) {}).effects {
				if effect.synchronous {
					s.SynchronousEffect(effect.call, effect.options...)
				} else {
					s.Effect(effect.call, effect.options...)
				}
			}
			if until == uint64(script.Count) {
				return s.End()
			}
			next := strconv.FormatUint(until, 10)
			return s.Keep(&gen.Script{Element: next, Count: script.Count, Chunk: script.Chunk})
		},
	}
}

func (actions) Join() action.ClientStreamHandler[*gen.Script, *gen.Said] {
	return action.ClientStream[*gen.Log, *gen.Script, *gen.Said]{
		Item: func(
			texts *gen.Log,
			script *gen.Script,
			t *action.Taking[*gen.Log, *gen.Said],
		) *action.Taking[*gen.Log, *gen.Said] {
			if refusal := refusalIn(script); refusal != nil {
				return t.End(t.RefuseWith(refusal))
			}
			return t.Keep(&gen.Log{Notes: append(texts.Notes, sayings(script)...)})
		},
		End: func(texts *gen.Log, c *action.Command[*gen.Said]) action.Decision {
			return c.Accept().Reply(&gen.Said{Text: strings.Join(texts.Notes, ",")})
		},
	}
}

type chatStep = action.Step[*action.NoState, *gen.Said]

func (actions) Chat() action.BidiHandler[*gen.Script, *gen.Said] {
	return action.Bidi[*action.NoState, *gen.Script, *gen.Said]{
		Item: func(_ *action.NoState, script *gen.Script, s *chatStep) *chatStep {
			if refusal := refusalIn(script); refusal != nil {
				return s.Refuse(refusal.Code, refusal.Message, refusal.Details...)
			}
			if texts := sayings(script); len(texts) > 0 {
				s.Emit(&gen.Said{Text: strings.Join(texts, ",")})
			}
			for _, act := range script.Acts {
				if _, is := act.Act.(*gen.Act_Clear); is {
					return s.End()
				}
			}
			return s
		},
		End: func(_ *action.NoState, s *chatStep) *chatStep {
			return s.Emit(&gen.Said{Text: "bye"}).End()
		},
		Cancelled: func(_ *action.NoState, c *action.Leaving) {
			note := &gen.Act{Act: &gen.Act_Note{Note: "left"}}
			c.Effect(gen.Events.Do(&gen.Script{Id: "left", Acts: []*gen.Act{note}}))
		},
	}
}

func sayings(script *gen.Script) []string {
	var texts []string
	for _, act := range script.Acts {
		if say, is := act.Act.(*gen.Act_Say); is {
			texts = append(texts, say.Say)
		}
	}
	return texts
}

// refusalIn is the last refusal, without anything else that was asked.
func refusalIn(script *gen.Script) *innkeeper.Refusal {
	var refusal *innkeeper.Refusal
	for _, act := range script.Acts {
		if refuse, is := act.Act.(*gen.Act_Refuse); is {
			refusal = refusalOf(refuse.Refuse)
		}
	}
	return refusal
}
