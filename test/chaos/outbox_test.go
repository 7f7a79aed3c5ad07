package chaos_test

// This file draws the outbox of a schedule.

import (
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/dandelionws/dandelion/messages"
	"github.com/dandelionws/dandelion/supervisor/outbox"
)

// outboxKind is the kind of outbox that a schedule has.
type outboxKind uint8

const (
	noOutbox outboxKind = iota
	once                // a message is never sent twice
	resend              // it is sent again if it may not have arrived
	acked               // it is sent again until its echo has come
)

func (o outboxKind) String() string { return [...]string{"none", "once", "resend", "acked"}[o] }

// twice reports whether the server may get a message twice.
func (o outboxKind) twice() bool { return o == resend || o == acked }

// outboxConfig draws the outbox of the schedule, nil if it has none.
func (s *schedule) outboxConfig() *outbox.Config {
	if s.outbox == noOutbox {
		return nil
	}
	rng := rand.New(rand.NewPCG(s.seed, 1<<35))
	cfg := &outbox.Config{
		Messages: pick(rng, 16, 1024, 16384),
		Bytes:    512 << 10,
		Full:     pick(rng, outbox.Reject, outbox.DropOldest, outbox.DropNewest, outbox.Block),
		Resend:   s.outbox == resend,
	}
	if rng.IntN(3) == 0 {
		cfg.TTL = span(rng, 4*s.unit) + time.Millisecond
	}
	if s.outbox == acked {
		cfg.Acked = func(_ messages.Kind, data []byte) (outbox.Ack, bool) {
			_, number, ok := parse(string(data))
			return outbox.Ack{ID: fmt.Sprint(number)}, ok
		}
	}
	return cfg
}

// delivery gives a message the name for its acknowledgement.
func (s *schedule) delivery(number uint64) messages.Delivery {
	if s.outbox != acked {
		return messages.Delivery{}
	}
	return messages.Delivery{ID: fmt.Sprint(number)}
}
