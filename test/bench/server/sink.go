package server

import (
	"encoding/binary"
	"io"

	"github.com/dandelionws/dandelion/test/bench/payload"
)

// Counts say what passed.
type Counts struct {
	Messages int64
	Bytes    int64 // of payload
}

// CountsSize is the size of a message with Counts.
const CountsSize = 16

func (c Counts) append(dst []byte) []byte {
	return binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint64(dst, uint64(c.Messages)), uint64(c.Bytes))
}

// ParseCounts reads the Counts in a message of CountsSize bytes.
func ParseCounts(p []byte) Counts {
	return Counts{int64(binary.BigEndian.Uint64(p)), int64(binary.BigEndian.Uint64(p[8:]))}
}

// sink counts. It reads headers only; payloads stay masked.
func sink(rw io.ReadWriter) {
	buf := make([]byte, fullInput)
	kept, skip := 0, 0 // bytes of a header that is not complete, of a payload that is still to come
	var counts Counts
	for {
		n, err := rw.Read(buf[kept:])
		if err != nil {
			return
		}
		p := buf[:kept+n]
		for skip < len(p) {
			h, ok := parse(p[skip:])
			if !ok {
				break
			}
			skip += h.size + h.body
			switch {
			case h.first == bitFin|byte(payload.Text) && h.body == SinkEnd:
				if _, err := rw.Write(AppendFrame(nil, byte(payload.Binary), counts.append(nil))); err != nil {
					return
				}
				counts = Counts{}
			case h.first&opMask == opClose:
				return
			case h.first&opMask < opClose:
				counts.Bytes += int64(h.body)
				counts.Messages += int64(h.first >> 7) // Fin
			}
		}
		if skip >= len(p) {
			skip -= len(p)
			kept = 0
		} else {
			kept = copy(buf, p[skip:])
			skip = 0
		}
	}
}
