package family

// This file turns items into what the user gets.

import (
	"time"
	"unsafe"

	"github.com/dandelionws/dandelion/messages"
	"github.com/dandelionws/dandelion/wire"
)

// Event returns the event for an item. It copies a payload that is not Owned.
func Event(epoch uint64, item *wire.Item, rtt time.Duration) any {
	switch item.Opcode {
	case wire.OpPing:
		return &messages.PingReceived{Epoch: epoch, Data: Own(item)}
	case wire.OpPong:
		return &messages.PongReceived{Epoch: epoch, Data: Own(item), RTT: rtt}
	}
	kind := messages.KindBinary
	if item.Opcode == wire.OpText {
		kind = messages.KindText
	}
	switch {
	case !item.First || !item.Final:
		return &messages.FragmentReceived{Epoch: epoch, Kind: kind, First: item.First, Final: item.Final, Data: Own(item)}
	case kind == messages.KindText:
		return &messages.TextReceived{Epoch: epoch, Text: OwnText(item)}
	}
	return &messages.BinaryReceived{Epoch: epoch, Data: Own(item)}
}

// Own returns the payload of an item, a copy unless it is Owned.
func Own(item *wire.Item) []byte {
	if item.Owned {
		return item.Payload
	}
	return append([]byte{}, item.Payload...)
}

// OwnText returns the payload of an item as a string. If the item is Owned nothing is copied,
// so the payload must not be used in any other way.
func OwnText(item *wire.Item) string {
	if item.Owned {
		return unsafe.String(unsafe.SliceData(item.Payload), len(item.Payload))
	}
	return string(item.Payload)
}
