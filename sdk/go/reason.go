package innkeeper

import "innkeeper/wire"

// Reason says why an ask has no reply, as far as it matters: did it happen?
type Reason uint8

const (
	// ReasonUnknown: it may have happened.
	ReasonUnknown Reason = iota
	// ReasonRefused: the target refused, and it did not happen.
	ReasonRefused
	// ReasonNotSent: it never left, and did not happen.
	ReasonNotSent
)

func (r Reason) String() string {
	return [...]string{"UNKNOWN", "REFUSED", "NOT_SENT"}[r]
}

const (
	errorInfo = "google.rpc.ErrorInfo"
	domain    = "innkeeper"
)

// ReasonOf the failure of an answer, a google.rpc.Status: what the one google.rpc.ErrorInfo of the host says. Without it nothing is known.
func ReasonOf(failure Message) Reason {
	r := wire.NewReader(wire.Encode(failure))
	reason := ReasonUnknown
	for r.More() {
		// details = 3
		if tag := r.Tag(); tag != 3<<3|2 {
			r.Skip(tag)
			continue
		}
		outer := r.Enter()
		if said, is := reasonIn(&r); is {
			reason = said
		}
		r.Leave(outer)
	}
	return reason
}

// reasonIn a google.protobuf.Any, to its end.
func reasonIn(r *wire.Reader) (reason Reason, is bool) {
	var url string
	var value []byte
	for r.More() {
		switch tag := r.Tag(); tag {
		case 1<<3 | 2:
			url = r.String()
		case 2<<3 | 2:
			value = r.View()
		default:
			r.Skip(tag)
		}
	}
	if length := len(url) - len(errorInfo); length < 0 || url[length:] != errorInfo || length > 0 && url[length-1] != '/' {
		return ReasonUnknown, false
	}
	info := wire.NewReader(value)
	var said, by string
	for info.More() {
		switch tag := info.Tag(); tag {
		case 1<<3 | 2:
			said = info.String()
		case 2<<3 | 2:
			by = info.String()
		default:
			info.Skip(tag)
		}
	}
	if by != domain {
		return ReasonUnknown, false
	}
	for _, reason := range []Reason{ReasonRefused, ReasonNotSent} {
		if said == reason.String() {
			return reason, true
		}
	}
	return ReasonUnknown, true
}
