package wire

// This file tests writing frames.

import (
	"bytes"
	"testing"
)

var frameKey = [4]byte{0x37, 0xFA, 0x21, 0x3D}

// req: 6455-5.1-01 6455-5.2-01 6455-5.2-02 6455-5.3-03
func TestAppendFrame(t *testing.T) {
	for _, tc := range []struct {
		name    string
		fin     bool
		rsv     uint8
		op      Opcode
		payload string
		masked  string
		plain   string
	}{
		{"text", true, 0, OpText, "Hello", "81 85 37 FA 21 3D 7F 9F 4D 51 58", "81 05 48 65 6C 6C 6F"},
		{"first fragment", false, 0, OpText, "Hel", "01 83 37 FA 21 3D 7F 9F 4D", "01 03 48 65 6C"},
		{"last fragment", true, 0, OpContinuation, "lo", "80 82 37 FA 21 3D 5B 95", "80 02 6C 6F"},
		{"compressed", true, 0x40, OpBinary, "\x00", "C2 81 37 FA 21 3D 37", "C2 01 00"},
		{"empty ping", true, 0, OpPing, "", "89 80 37 FA 21 3D", "89 00"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			before := []byte("before")
			want := append(bytes.Clone(before), unhex(t, tc.masked)...)
			payload := []byte(tc.payload)
			if got := AppendFrame(before, tc.fin, tc.rsv, tc.op, frameKey, payload); !bytes.Equal(got, want) {
				t.Errorf("AppendFrame = % X, want % X", got, want)
			}
			if string(payload) != tc.payload {
				t.Errorf("AppendFrame changed its payload to % X", payload)
			}
			want = append(bytes.Clone(before), unhex(t, tc.plain)...)
			if got := AppendServerFrame(before, tc.fin, tc.rsv, tc.op, payload); !bytes.Equal(got, want) {
				t.Errorf("AppendServerFrame = % X, want % X", got, want)
			}
		})
	}
}

// req: 6455-5.2-11 6455-5.2-13 6455-5.3-04 6455-5.3-05
func TestAppendFrameSizes(t *testing.T) {
	for size, total := range map[int]int{0: 6, 1: 7, 5: 11, 125: 131, 126: 134, 65535: 65543, 65536: 65550} {
		payload := bytes.Repeat([]byte{0xA5}, size)
		frame := AppendFrame(nil, true, 0, OpBinary, frameKey, payload)
		if len(frame) != total {
			t.Errorf("frame of %d bytes has %d on the wire, want %d", size, len(frame), total)
		}
		h, n, err := ParseHeader(frame)
		want := Header{Fin: true, Opcode: OpBinary, Masked: true, Key: frameKey, Length: uint64(size)}
		if err != nil || h != want {
			t.Errorf("header of %d bytes = %+v, %v, want %+v", size, h, err, want)
		}
		MaskCopy(frame[n:], frame[n:], frameKey, 0)
		if !bytes.Equal(frame[n:], payload) {
			t.Errorf("payload of %d bytes is not what was sent", size)
		}
	}
}

func TestAppendFrameAllocs(t *testing.T) {
	dst := make([]byte, 0, 4096)
	payload := make([]byte, 1000)
	var keys KeySource
	keys.Next() // seeds
	for name, appendTo := range map[string]func(){
		"AppendFrame":       func() { AppendFrame(dst, true, 0, OpBinary, keys.Next(), payload) },
		"AppendServerFrame": func() { AppendServerFrame(dst, true, 0, OpBinary, payload) },
	} {
		if got := testing.AllocsPerRun(100, appendTo); got != 0 {
			t.Errorf("%s into a buffer with room: %v allocations, want 0", name, got)
		}
	}
}
