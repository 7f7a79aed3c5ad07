package protocol

import (
	"encoding/binary"
	"fmt"

	"github.com/dandelionws/dandelion/wire"
)

// frame is a frame as the server gets it.
type frame struct {
	op      wire.Opcode
	fin     bool
	payload []byte
}

// cut takes the first frame off p, not with package wire but on its own. ok is false if
// it is not complete.
func cut(p []byte) (f frame, rest []byte, ok bool, err error) {
	if len(p) < 6 {
		return f, p, false, nil
	}
	if p[0]&0x70 != 0 || p[1]&0x80 == 0 {
		return f, p, false, fmt.Errorf("frame that begins with % x: reserved bits, or not masked", p[:2])
	}
	length, header := int(p[1]&0x7f), 6
	switch length {
	case 126:
		length, header = int(binary.BigEndian.Uint16(p[2:])), 8
	case 127:
		if len(p) < 14 {
			return f, p, false, nil
		}
		length, header = int(binary.BigEndian.Uint64(p[2:])), 14
	}
	if len(p) < header+length {
		return f, p, false, nil
	}
	f = frame{wire.Opcode(p[0] & 0x0f), p[0]&0x80 != 0, make([]byte, length)}
	for i := range f.payload {
		f.payload[i] = p[header+i] ^ p[header-4+i%4]
	}
	return f, p[header+length:], true, nil
}

func (f frame) String() string {
	if f.op == wire.OpClose && len(f.payload) >= 2 {
		return fmt.Sprintf("close frame %d %q", binary.BigEndian.Uint16(f.payload), f.payload[2:])
	}
	s := fmt.Sprintf("%s frame %q", f.op, f.payload)
	if !f.fin {
		s += ", more to come"
	}
	return s
}
