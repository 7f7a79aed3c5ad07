package actors

// This file describes the messages of internal_messages.go. Of those without such a method
// Describe shows the name.

import (
	"fmt"
	"strings"

	"github.com/dandelionws/dandelion/protocol"
	"github.com/dandelionws/dandelion/wire"
)

// Describe names what is in the batch, with sizes and codes.
func (b *batch) Describe() string {
	var parts []string
	for i := range b.Items {
		item := &b.Items[i]
		s := item.Opcode.String()
		if item.Opcode.IsData() && (!item.First || !item.Final) {
			s += " part"
			if item.First {
				s += " first"
			}
			if item.Final {
				s += " final"
			}
		}
		if item.Opcode == wire.OpClose {
			s += fmt.Sprintf(" %d", item.Code)
		} else {
			s += fmt.Sprintf(" %d B", len(item.Payload))
		}
		parts = append(parts, s)
	}
	if b.violation != nil {
		parts = append(parts, "violation")
	}
	if b.end != nil {
		parts = append(parts, "end")
	}
	return "Batch [" + strings.Join(parts, ", ") + "]"
}

// Describe says how much credit is returned.
func (c *credit) Describe() string { return fmt.Sprintf("credit %d B", c.bytes) }

// Describe says what the writer has done.
func (w *written) Describe() string {
	switch w.news.(type) {
	case protocol.WriteFailed:
		return "written: failed"
	case protocol.WriteEnded:
		return "written: write side ended"
	}
	return "written: Close"
}

// Describe says whether the write has failed.
func (w *writeDone) Describe() string {
	if w.err != nil {
		return "writeDone: failed"
	}
	return "writeDone"
}

// Describe names the timer.
func (t *timeout) Describe() string { return "timeout " + t.timer.String() }
