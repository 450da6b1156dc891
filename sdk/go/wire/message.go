// Package wire reads and writes protobuf. Generated code drives it; authors need none of it.
//
// Leaves to others: which fields a message has (generated code), what messages are for (package innkeeper).
package wire

// Message is a protobuf message of generated code.
type Message interface {
	// ProtoName is the full name, without a leading dot. Works on nil.
	ProtoName() string
	// ProtoAppend writes the fields in the order of their numbers. It panics for a value that its field cannot hold.
	ProtoAppend(b []byte) []byte
	// ProtoRead reads fields up to the end of the innermost open message, and merges them.
	ProtoRead(r *Reader)
}

// MessageOf is a message that knows how to make another of its type, M itself: so a type parameter is enough to read one.
type MessageOf[M any] interface {
	Message
	// ProtoNew makes an empty message. Works on nil.
	ProtoNew() M
}

// New makes an empty message.
func New[M MessageOf[M]]() M {
	var none M
	return none.ProtoNew()
}

// Read makes a message of bytes; the problem is "" if they are one.
func Read[M MessageOf[M]](data []byte) (message M, problem string) {
	return ReadBy[M](new(Reader), data)
}

// ReadBy is Read with a reader that is used again: a batch takes one, instead of one for each message.
func ReadBy[M MessageOf[M]](r *Reader, data []byte) (message M, problem string) {
	message = New[M]()
	*r = NewReader(data)
	message.ProtoRead(r)
	return message, r.problem
}
