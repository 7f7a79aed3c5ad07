// Package payload makes the payloads that the benchmark sends.
package payload

import "strings"

// Kind is a kind of message; its value is the opcode (RFC 6455 §5.2).
type Kind byte

const (
	Text   Kind = 1
	Binary Kind = 2
)

// Sample is a content for payloads. All of them are valid UTF-8.
type Sample string

const (
	// ASCII is English prose.
	ASCII Sample = "ascii"
	// Mixed is prose in several scripts: characters of one to four bytes.
	Mixed Sample = "mixed"
)

var prose = map[Sample]string{
	ASCII: "A dandelion gives its seeds to the wind, and each of them carries all that it needs. ",
	Mixed: "Löwenzahn, pissenlit, κοινή πικραλίδα, Одуванчик лекарственный, שן הארי, الهندباء, सिंहपर्णी, 蒲公英随风飘散, たんぽぽの綿毛, 민들레 홀씨 🌼🌬️ — dandelion; ",
}

// Make returns a payload of exactly size bytes.
func Make(s Sample, size int) []byte {
	text := prose[s]
	p := make([]byte, 0, size)
	for len(p)+len(text) <= size {
		p = append(p, text...)
	}
	return append(p, strings.Repeat(".", size-len(p))...)
}
