package conformance

import (
	"strconv"
	"strings"

	"conformance/gen"
	"innkeeper"
)

// What the model services share: acts that mean the same in all of them.

// performed is what a script comes to, once a service knows its state after the command.
type performed struct {
	refusal *innkeeper.Refusal
	forward *innkeeper.Call
	effects []effect
	headers []innkeeper.Header
	// A piece that is nil is the state, which is not known yet.
	pieces []*string
}

type effect struct {
	call        innkeeper.Call
	synchronous bool
}

// showing is what a service knows before the command. Nil: nothing.
type showing struct {
	size func() string
	has  func() string
}

// perform does the acts of a script, in order. `change` does those that change state.
func perform(script *gen.Script, c *innkeeper.Context, show showing, change func(act *gen.Act)) performed {
	var done performed
	for _, act := range script.Acts {
		switch one := act.Act.(type) {
		case *gen.Act_Say:
			done.pieces = append(done.pieces, &one.Say)
		case *gen.Act_Refuse:
			done.refusal = refusalOf(one.Refuse)
		case *gen.Act_Forward:
			if call, has := callOf(one.Forward); has {
				done.forward = &call
			}
		case *gen.Act_Effect:
			if call, has := callOf(one.Effect); has {
				done.effects = append(done.effects, effect{call, one.Effect.Synchronous})
			}
		case *gen.Act_Header:
			done.headers = append(done.headers, headersOf(one.Header)...)
		case *gen.Act_Fault:
			if script.Element == "armed" {
				fail(one.Fault)
			}
		case *gen.Act_Ask:
			if one.Ask == gen.Ask_STATE {
				done.pieces = append(done.pieces, nil)
			} else {
				said := asked(one.Ask, c, show)
				done.pieces = append(done.pieces, &said)
			}
		case *gen.Act_Log:
			c.Info(one.Log)
		default:
			change(act)
		}
	}
	return done
}

func (p performed) said(state func() string) *gen.Said {
	words := make([]string, len(p.pieces))
	for i, piece := range p.pieces {
		if piece == nil {
			words[i] = state()
		} else {
			words[i] = *piece
		}
	}
	return &gen.Said{Text: strings.Join(words, " ")}
}

// accepting is what c.Accept and its like give, of every kind.
type accepting[A, Option any] interface {
	Effect(call innkeeper.Call, options ...Option) A
	SynchronousEffect(call innkeeper.Call, options ...Option) A
	Metadata(header innkeeper.Header) A
}

// withAll is the answer with the effects and the metadata of the script.
func withAll[A accepting[A, Option], Option any](answer A, done performed) A {
	for _, effect := range done.effects {
		if effect.synchronous {
			answer = answer.SynchronousEffect(effect.call)
		} else {
			answer = answer.Effect(effect.call)
		}
	}
	for _, header := range done.headers {
		answer = answer.Metadata(header)
	}
	return answer
}

func refusalOf(refusal *gen.Refusal) *innkeeper.Refusal {
	code := innkeeper.Unknown
	if 1 <= refusal.Code && refusal.Code <= 16 {
		code = innkeeper.Code(refusal.Code)
	}
	if refusal.Detail == "" {
		return innkeeper.Refuse(code, refusal.Message)
	}
	return innkeeper.Refuse(code, refusal.Message, &gen.Noted{Text: refusal.Detail})
}

func headersOf(header *gen.Header) []innkeeper.Header {
	switch {
	case !strings.HasPrefix(header.Name, "x-"):
		return nil
	case strings.HasSuffix(strings.ToLower(header.Name), "-bin"):
		return []innkeeper.Header{innkeeper.Binary(header.Name, header.Data)}
	}
	return []innkeeper.Header{innkeeper.Text(header.Name, header.Text)}
}

func asked(ask gen.Ask, c *innkeeper.Context, show showing) string {
	switch ask {
	case gen.Ask_NOW:
		return strconv.FormatInt(c.Now(), 10)
	case gen.Ask_RANDOM:
		return strconv.FormatUint(uint64(c.Random()*(1<<32)), 10)
	case gen.Ask_UUID:
		return c.UUID()
	case gen.Ask_ENTITY:
		return orNone(c.Entity())
	case gen.Ask_METADATA:
		var entries []string
		for _, header := range c.Headers() {
			value := header.Text
			if header.Binary() {
				value = hexadecimal(header.Data)
			}
			entries = append(entries, header.Name+"="+value)
		}
		return orNone(strings.Join(entries, ","))
	case gen.Ask_SIZE:
		if show.size != nil {
			return show.size()
		}
	case gen.Ask_HAS:
		if show.has != nil {
			return show.has()
		}
	}
	return "-"
}

// hexadecimal, without encoding/hex: that brings fmt along, which is 1.2 MB.
func hexadecimal(data []byte) string {
	const digits = "0123456789abcdef"
	text := make([]byte, 0, 2*len(data))
	for _, b := range data {
		text = append(text, digits[b>>4], digits[b&15])
	}
	return string(text)
}

func orNone(text string) string {
	if text == "" {
		return "-"
	}
	return text
}

func fail(fault gen.Fault) {
	switch fault {
	case gen.Fault_TRAP:
		panic("armed to fail")
	case gen.Fault_LOOP:
		for {
		}
	case gen.Fault_GROW:
		var kept [][]byte
		for {
			piece := make([]byte, 1<<20)
			for i := range piece {
				piece[i] = byte(len(kept))
			}
			kept = append(kept, piece)
		}
	}
}

// callOf a method of the model services, by the names that a script uses.
func callOf(target *gen.Target) (call innkeeper.Call, has bool) {
	script := target.Script
	if script == nil {
		script = &gen.Script{}
	}
	switch target.Service + "/" + target.Method {
	case "Events/Do":
		return gen.Events.Do(script), true
	case "Values/Do":
		return gen.Values.Do(script), true
	case "Replicas/Do":
		return gen.Replicas.Do(script), true
	case "Members/Do":
		return gen.Members.Do(script), true
	case "Members/Open":
		return gen.Members.Open(script), true
	case "Actions/Do":
		return gen.Actions.Do(script), true
	case "Actions/Count":
		return gen.Actions.Count(script), true
	}
	return innkeeper.Call{}, false
}
