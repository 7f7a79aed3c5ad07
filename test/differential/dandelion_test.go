package differential

// This file receives with our decoder, wire.Receiver, in several ways that must have the
// same outcome.

import (
	"fmt"
	"slices"

	"github.com/dandelionws/dandelion/wire"
)

// decode passes stream to a Receiver in parts of size() bytes. ends has, for each outcome,
// how many bytes had been passed when it came.
func decode(stream []byte, streaming bool, size func() int) (list []outcome, ends []int) {
	r := wire.NewReceiver(wire.ReceiverConfig{
		Limits:    wire.Limits{MaxMessage: maxMessage, MaxFragments: -1},
		Streaming: streaming,
	})
	var message []byte // the parts so far, if streaming
	var items []wire.Item
	for at := 0; at < len(stream); {
		var err error
		part := stream[at:min(at+size(), len(stream))]
		if space := r.Space(); space != nil {
			part = part[:copy(space, part)]
			items, err = r.Filled(items[:0], len(part))
		} else {
			items, err = r.Receive(items[:0], part)
		}
		at += len(part)
		for i := range items {
			if items[i].Opcode.IsData() && streaming {
				if items[i].First {
					message = message[:0]
				}
				message = append(message, items[i].Payload...)
				if !items[i].Final {
					continue
				}
				items[i].Payload = message
			}
			list, ends = append(list, outcomeOf(&items[i])), append(ends, at)
		}
		if err != nil {
			return append(list, outcomeOfError(err)), append(ends, at)
		}
		if r.Closed() {
			return list, ends
		}
	}
	return append(list, outcome{kind: ended}), append(ends, len(stream))
}

func outcomeOf(item *wire.Item) outcome {
	if item.Opcode == wire.OpClose {
		return outcome{closed, int(item.Code), item.Reason()}
	}
	return outcome{kind: kindOf(item.Opcode), data: string(item.Payload)}
}

func outcomeOfError(err error) outcome {
	coded, ok := err.(interface{ CloseCode() wire.StatusCode })
	if !ok {
		return outcome{kind: broken, data: err.Error()}
	}
	return outcome{kind: failed, code: int(coded.CloseCode())}
}

// slowly is the length up to which a stream is also decoded byte by byte.
const slowly = 4096

// receive decodes stream whole, byte by byte, in parts, and in parts while streaming. It
// returns an error if the outcomes differ.
func receive(g generator, stream []byte) (list []outcome, err error) {
	list, _ = decode(stream, false, func() int { return len(stream) })
	most := 1 + g.IntN(1+len(stream))
	parts := func() int { return 1 + g.IntN(most) }
	type way struct {
		name      string
		streaming bool
		size      func() int
	}
	ways := []way{{"in parts", false, parts}, {"streaming", true, parts}}
	if len(stream) <= slowly {
		ways = append(ways, way{"byte by byte", false, func() int { return 1 }})
	}
	for _, w := range ways {
		other, _ := decode(stream, w.streaming, w.size)
		if !slices.Equal(list, other) {
			return list, fmt.Errorf("dandelion finds, receiving it whole\n%v\nand %s\n%v", list, w.name, other)
		}
	}
	return list, nil
}

// checkForm checks the one rule that none of the peers checks, so that their agreement
// shows nothing: lengths are in their shortest form (RFC 6455 §5.2).
func checkForm(stream []byte) error {
	frames, _ := split(stream)
	long := slices.IndexFunc(frames, func(f frame) bool { return f.form > shortestForm(f.length) })
	if long < 0 {
		return nil
	}
	list, ends := decode(stream, false, func() int { return 1 })
	last := len(list) - 1
	at := frameAt(frames, ends[last]-1)
	if at > long || at == long && !list[last].is(failed, 1002) {
		return fmt.Errorf("dandelion accepts the length in frame %d, which has a shorter form: %v", long, list)
	}
	return nil
}
