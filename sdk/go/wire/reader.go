package wire

import (
	"math"
	"unicode/utf8"
)

// Reader is a cursor over protobuf bytes.
//
//   - It never reads past the end of the innermost open message. Truncation, overlong varints, groups, field number 0 and the
//     wire types 6 and 7 are problems; after the first one there is nothing more to read, so loops end by themselves.
//   - At most depthMax messages are open at once, so hostile nesting cannot exhaust the memory.
//   - Nothing is allocated by a length that was only claimed: it is compared with what is there first.
//   - Texts and bytes are copies: the data may change afterwards.
type Reader struct {
	data    []byte
	at, end int
	depth   int
	problem string
}

// depthMax is protobuf's own default in most languages.
const depthMax = 100

const (
	truncated  = "the message is cut off"
	noTag      = "a tag is no field number"
	noUTF8     = "a string is not UTF-8"
	fieldZero  = "a field has number 0"
	groups     = "groups are not supported"
	longVarint = "a varint has more than ten bytes"
	tooDeep    = "messages are nested more than 100 deep"
)

// NewReader begins at the first of the bytes.
func NewReader(data []byte) Reader {
	return Reader{data: data, end: len(data)}
}

// Problem says what is wrong with the bytes; "" if nothing is.
func (r *Reader) Problem() string {
	return r.problem
}

// More tells whether the innermost open message goes on.
func (r *Reader) More() bool {
	return r.at < r.end
}

func (r *Reader) fail(problem string) {
	if r.problem == "" {
		r.problem = problem
	}
	r.at, r.end = len(r.data), len(r.data)
}

// Tag reads the next field's number and wire type; 0 is none, and a problem.
func (r *Reader) Tag() uint32 {
	if r.at < r.end {
		if b := r.data[r.at]; b < 128 {
			if b < 8 {
				r.fail(fieldZero)
				return 0
			}
			r.at++
			return uint32(b)
		}
	}
	start := r.at
	tag := r.Uint32()
	if r.problem == "" && (r.at-start > 5 || tag>>3 == 0) {
		r.fail(noTag)
	}
	return tag
}

// Skip passes over a field that the message does not know, or knows with another wire type.
func (r *Reader) Skip(tag uint32) {
	if r.problem != "" {
		return
	}
	switch tag & 7 {
	case 0:
		r.varint()
	case 1:
		r.take(8)
	case 2:
		r.take(r.length())
	case 3, 4:
		r.fail(groups)
	case 5:
		r.take(4)
	case 6:
		r.fail("wire type 6 does not exist")
	case 7:
		r.fail("wire type 7 does not exist")
	}
}

// Enter begins an embedded message or a packed list. The answer goes to Leave.
func (r *Reader) Enter() (outer int) {
	length := r.length()
	outer = r.end
	if r.problem != "" {
		return outer
	}
	if length > r.end-r.at {
		r.fail(truncated)
		return outer
	}
	if r.depth++; r.depth > depthMax {
		r.fail(tooDeep)
		return outer
	}
	r.end = r.at + length
	return outer
}

// Leave ends what Enter began.
func (r *Reader) Leave(outer int) {
	if r.problem == "" {
		r.depth--
		r.end = outer
	}
}

// Rest is what is left of the innermost open message, not a copy.
func (r *Reader) Rest() []byte {
	rest := r.data[r.at:r.end:r.end]
	r.at = r.end
	return rest
}

func (r *Reader) Uint32() uint32 {
	if r.at < r.end {
		if b := r.data[r.at]; b < 128 {
			r.at++
			return uint32(b)
		}
	}
	return uint32(r.varint())
}

func (r *Reader) Int32() int32 {
	return int32(r.Uint32())
}

func (r *Reader) Sint32() int32 {
	v := r.Uint32()
	return int32(v>>1) ^ -int32(v&1)
}

func (r *Reader) Bool() bool {
	return r.varint() != 0
}

func (r *Reader) Uint64() uint64 {
	return r.varint()
}

func (r *Reader) Int64() int64 {
	return int64(r.varint())
}

func (r *Reader) Sint64() int64 {
	v := r.varint()
	return int64(v>>1) ^ -int64(v&1)
}

func (r *Reader) Fixed32() uint32 {
	start := r.take(4)
	if start < 0 {
		return 0
	}
	b := r.data[start : start+4]
	return uint32(b[0]) | uint32(b[1])<<8 | uint32(b[2])<<16 | uint32(b[3])<<24
}

func (r *Reader) Sfixed32() int32 {
	return int32(r.Fixed32())
}

func (r *Reader) Fixed64() uint64 {
	low := r.Fixed32()
	return uint64(low) | uint64(r.Fixed32())<<32
}

func (r *Reader) Sfixed64() int64 {
	return int64(r.Fixed64())
}

func (r *Reader) Float() float32 {
	return math.Float32frombits(r.Fixed32())
}

func (r *Reader) Double() float64 {
	return math.Float64frombits(r.Fixed64())
}

func (r *Reader) String() string {
	view := r.View()
	if !utf8.Valid(view) {
		r.fail(noUTF8)
		return ""
	}
	return string(view)
}

// Bytes reads a copy, never nil: an `optional` field of bytes that is nil is not set.
func (r *Reader) Bytes() []byte {
	view := r.View()
	data := make([]byte, len(view))
	copy(data, view)
	return data
}

// View reads bytes that are not a copy.
func (r *Reader) View() []byte {
	length := r.length()
	start := r.take(length)
	if start < 0 {
		return nil
	}
	return r.data[start:r.at:r.at]
}

func (r *Reader) length() int {
	if r.at < r.end {
		if b := r.data[r.at]; b < 128 {
			r.at++
			return int(b)
		}
	}
	v := r.varint()
	if v > math.MaxInt32 {
		r.fail(truncated)
		return 0
	}
	return int(v)
}

// varint drops what a tenth byte has beyond 64 bits, as all do.
func (r *Reader) varint() uint64 {
	var v uint64
	at := r.at
	for shift := uint(0); ; shift += 7 {
		if at >= r.end {
			r.fail(truncated)
			return 0
		}
		b := r.data[at]
		at++
		v |= uint64(b&127) << shift
		if b < 128 {
			break
		}
		if shift == 63 {
			r.fail(longVarint)
			return 0
		}
	}
	r.at = at
	return v
}

// take passes over bytes, and says where they begin; negative if they are not there.
func (r *Reader) take(length int) (start int) {
	if r.problem != "" {
		return -1
	}
	if length > r.end-r.at {
		r.fail(truncated)
		return -1
	}
	start = r.at
	r.at += length
	return start
}
