package wire_test

// This file is the examples of the package.

import (
	"fmt"

	"github.com/dandelionws/dandelion/wire"
)

// A Receiver takes bytes as they come from the network, cut anywhere.
func ExampleReceiver() {
	r := wire.NewReceiver(wire.ReceiverConfig{Role: wire.Client})
	var items []wire.Item
	for _, input := range []string{"\x81\x05Hel", "lo\x89\x02hi\x88", "\x05\x03\xE8bye"} {
		var err error
		items, err = r.Receive(items[:0], []byte(input))
		for _, item := range items {
			if item.Opcode == wire.OpClose {
				fmt.Println(item.Opcode, uint16(item.Code), item.Reason())
			} else {
				fmt.Printf("%s %q\n", item.Opcode, item.Payload)
			}
		}
		if err != nil {
			fmt.Println("fail the connection:", err)
		}
	}
	// Output:
	// text "Hello"
	// ping "hi"
	// close 1000 bye
}

// What breaks the protocol gives an error that knows its close code.
func ExampleProtocolError() {
	r := wire.NewReceiver(wire.ReceiverConfig{})
	_, err := r.Receive(nil, []byte{0x83, 0x00})
	fmt.Println(err)
	if coded, ok := err.(interface{ CloseCode() wire.StatusCode }); ok {
		fmt.Println("close code", uint16(coded.CloseCode()))
	}
	// Output:
	// protocol error: reserved opcode 0x3 (RFC 6455 §5.2)
	// close code 1002
}

// Frames are appended to one buffer, so that one write can send many.
func ExampleAppendFrame() {
	var keys wire.KeySource
	var out []byte
	out = wire.AppendFrame(out, true, 0, wire.OpText, keys.Next(), []byte("Hello"))
	out = wire.AppendFrame(out, true, 0, wire.OpPing, keys.Next(), nil)
	fmt.Println(len(out), "bytes")
	// Output: 17 bytes
}
