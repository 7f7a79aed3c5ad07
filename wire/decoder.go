package wire

// This file cuts a stream of bytes into frames and checks their headers:
// RFC 6455 §5.1, §5.2, §5.5.

import "fmt"

// Role is an end of the connection.
type Role uint8

const (
	// Client is the end that sends masked frames and must not receive any.
	Client Role = iota
	// Server is the end that must receive masked frames only.
	Server
)

// String returns "client" or "server".
func (r Role) String() string {
	if r == Server {
		return "server"
	}
	return "client"
}

// Decoder cuts the bytes that one end of a connection receives into frames. It keeps
// no payload: it returns a frame in as many pieces as its bytes arrive in. The zero
// value is ready to use, for a client without extensions. The fields must not change
// between the bytes of one frame.
type Decoder struct {
	// Role is the end of the connection at which the bytes arrive.
	Role Role
	// AllowRSV holds the reserved bits (as in Header.RSV) that an extension uses.
	// They are accepted only in the first frame of a data message, as in RFC 7692 §6.
	AllowRSV uint8

	inFrame bool
	kept    uint8 // bytes in header
	frame   Header
	offset  uint64 // payload bytes of frame that were returned
	header  [MaxHeader]byte
	err     error
}

// Piece is a frame or a part of it.
type Piece struct {
	// Header is that of the frame, the same in all its pieces.
	Header Header
	// Offset is where Payload begins in the payload of the frame, in bytes.
	Offset uint64
	// Payload is a slice of the input, unmasked. It is empty if the frame has no
	// payload or only its header has arrived.
	Payload []byte
	// Start is set in the first piece of a frame.
	Start bool
	// End is set in the last piece of a frame.
	End bool
}

// Next takes n bytes from the beginning of p and, if ok, returns the next piece of
// a frame. The first piece of a frame comes as soon as its header is complete, even
// if no byte of the payload has arrived, so that limits can be checked before
// anything is stored. If not ok, all of p has been taken and more bytes are needed.
// The Decoder keeps header bytes until the header is complete, but no payload.
//
// In the role Server the payload is unmasked in place: p is changed.
//
// A violation gives a *ProtocolError as soon as the bytes that show it have arrived,
// and again with every further call.
func (d *Decoder) Next(p []byte) (pc Piece, n int, ok bool, err error) {
	n, ok, err = d.next(&pc, p)
	return pc, n, ok, err
}

// next is Next, but leaves the piece in pc, without copies.
func (d *Decoder) next(pc *Piece, p []byte) (n int, ok bool, err error) {
	if d.err != nil {
		return 0, false, d.err
	}
	start := !d.inFrame
	if start {
		n, d.err = d.readHeader(p)
		if !d.inFrame {
			return n, false, d.err
		}
		p = p[n:]
	} else if len(p) == 0 {
		return 0, false, nil
	}

	size := min(uint64(len(p)), d.left())
	p = p[:size:size] // so that an append to the payload does not overwrite the input after it
	if d.frame.Masked {
		MaskCopy(p, p, d.frame.Key, int(d.offset&3))
	}
	pc.Header = d.frame
	pc.Offset = d.offset
	pc.Payload = p
	pc.Start = start
	d.offset += uint64(len(p))
	pc.End = d.offset == d.frame.Length
	d.inFrame = !pc.End
	return n + len(p), true, nil
}

// left returns how many payload bytes of the current frame have not arrived yet.
func (d *Decoder) left() uint64 {
	if !d.inFrame {
		return 0
	}
	return d.frame.Length - d.offset
}

// between reports whether the bytes so far end between two frames.
func (d *Decoder) between() bool { return !d.inFrame && d.kept == 0 }

// readHeader takes n bytes of a header from p. If they complete the header, d is in
// the frame afterwards.
func (d *Decoder) readHeader(p []byte) (n int, err error) {
	raw := p
	if d.kept > 0 {
		n = copy(d.header[d.kept:], p)
		raw = d.header[:int(d.kept)+n]
	}
	if len(raw) >= 2 {
		if err := d.check(raw[0], raw[1]); err != nil {
			return 0, err
		}
	}
	size, err := parseHeader(&d.frame, raw)
	if err != nil {
		return 0, err
	}
	if size == 0 { // fewer than MaxHeader bytes have arrived, so all of them can be kept
		if d.kept == 0 {
			n = copy(d.header[:], p)
		}
		d.kept += uint8(n)
		return n, nil
	}
	n = size - int(d.kept)
	d.kept = 0
	d.offset, d.inFrame = 0, true
	return n, nil
}

// check checks the first two bytes of a header, which show all violations except
// those in the form of the length.
func (d *Decoder) check(b0, b1 byte) error {
	op := Opcode(b0 & opBits)
	allowed := byte(0)
	if op == OpText || op == OpBinary {
		allowed = d.AllowRSV
	}
	switch {
	case op.IsReserved():
		// RFC 6455 §5.2: "If an unknown opcode is received, the receiving
		// endpoint MUST _Fail the WebSocket Connection_".
		return violation("RFC 6455 §5.2", fmt.Sprintf("reserved opcode %#x", uint8(op)))
	case b0&rsvBits&^allowed != 0:
		// RFC 6455 §5.2: a reserved bit that no negotiated extension defines.
		return violation("RFC 6455 §5.2", fmt.Sprintf("reserved bits %#x in a %s frame", b0&rsvBits, op))
	case d.Role == Client && b1&maskBit != 0:
		// RFC 6455 §5.1: "A client MUST close a connection if it detects a masked frame".
		return violation("RFC 6455 §5.1", "masked frame from the server")
	case d.Role == Server && b1&maskBit == 0:
		// RFC 6455 §5.1: "The server MUST close the connection upon receiving
		// a frame that is not masked".
		return violation("RFC 6455 §5.1", "unmasked frame from the client")
	case op.IsControl() && b0&finBit == 0:
		// RFC 6455 §5.5: control frames "MUST NOT be fragmented".
		return violation("RFC 6455 §5.5", "fragmented "+op.String()+" frame")
	case op.IsControl() && b1&lenBits > MaxControl:
		// RFC 6455 §5.5: control frames "MUST have a payload length of 125 bytes or less".
		return violation("RFC 6455 §5.5", op.String()+" frame with more than 125 bytes")
	}
	return nil
}
