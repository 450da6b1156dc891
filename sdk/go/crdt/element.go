package crdt

import "innkeeper/wire"

// Element says how sets, registers and keys of maps hold a type of values, as bytes.
//
// Same value, same bytes: the host compares elements and keys by them. Texts, numbers and the like are a message with the value
// as field 1, and no bytes at all for "", 0 and false, so that tools can show them and the host can make one of a request's field.
type Element[T any] struct {
	encode func(value T) []byte
	decode func(r *wire.Reader) T
}

var (
	Text = field(2, func(v string) bool { return v == "" }, wire.AppendString, (*wire.Reader).String)
	// Bytes are never nil when they are read.
	Bytes = Element[[]byte]{
		encode: func(v []byte) []byte {
			if len(v) == 0 {
				return []byte{}
			}
			return wire.AppendBytes([]byte{1<<3 | 2}, v)
		},
		decode: func(r *wire.Reader) []byte {
			data := []byte{}
			for r.More() {
				if tag := r.Tag(); tag == 1<<3|2 {
					data = r.Bytes()
				} else {
					r.Skip(tag)
				}
			}
			return data
		},
	}
	Int32 = field(0, func(v int32) bool { return v == 0 }, wire.AppendInt32, (*wire.Reader).Int32)
	Int64 = field(0, func(v int64) bool { return v == 0 }, wire.AppendInt64, (*wire.Reader).Int64)
	Bool  = field(0, func(v bool) bool { return !v }, wire.AppendBool, (*wire.Reader).Bool)
)

// MessageElement holds messages. One with a map of floating-point numbers in it has more than one form, and should be none.
func MessageElement[M wire.MessageOf[M]]() Element[M] {
	return Element[M]{
		encode: func(v M) []byte { return v.ProtoAppend([]byte{}) },
		decode: func(r *wire.Reader) M {
			message := wire.New[M]()
			message.ProtoRead(r)
			return message
		},
	}
}

func field[T any](
	wireType uint32,
	isZero func(value T) bool,
	write func(b []byte, value T) []byte,
	read func(r *wire.Reader) T,
) Element[T] {
	tag := 1<<3 | wireType
	return Element[T]{
		encode: func(value T) []byte {
			if isZero(value) {
				return []byte{}
			}
			return write([]byte{byte(tag)}, value)
		},
		decode: func(r *wire.Reader) (value T) {
			for r.More() {
				if found := r.Tag(); found == tag {
					value = read(r)
				} else {
					r.Skip(found)
				}
			}
			return value
		},
	}
}

// Encode is for the kinds of services.
func (e Element[T]) Encode(value T) []byte {
	return e.encode(value)
}

func (e Element[T]) of(data []byte) T {
	r := wire.NewReader(data)
	value := e.decode(&r)
	if problem := r.Problem(); problem != "" {
		panic("an element is not what this service writes: " + problem)
	}
	return value
}
