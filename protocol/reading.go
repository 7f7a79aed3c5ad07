package protocol

// This file is what the machine does with the items of a Read.

import "github.com/dandelionws/dandelion/wire"

// read handles what one read brought, while messages are listened to.
func (m *Machine) read(r *Read) {
	if !r.Control { // nearly always
		m.alive = m.alive || len(r.Items) > 0
		m.data += uint64(len(r.Items))
		m.do(Effect{Kind: EffectDeliver})
		return
	}
	for i := range r.Items {
		item := &r.Items[i]
		switch item.Opcode {
		case wire.OpPing:
			m.out.answerPing(item.Payload) // §5.5.2
		case wire.OpPong:
			m.alive = true
			r.RTTs = append(r.RTTs, m.pong(item.Payload))
		case wire.OpClose:
			code, reason := item.Code, item.Reason()
			r.keep(i) // §5.5.1: nothing after it is processed; it is no event itself
			m.do(Effect{Kind: EffectDeliver})
			m.remoteClose(code, reason)
			return
		default:
			m.alive = true
			m.data++
		}
	}
	m.do(Effect{Kind: EffectDeliver})
}

// ignore handles what one read brought when messages are no longer listened to.
func (m *Machine) ignore(r *Read) {
	r.keep(0)
	m.do(Effect{Kind: EffectDeliver})
}

// keep leaves the first n items.
func (r *Read) keep(n int) {
	clear(r.Items[n:])
	r.Items = r.Items[:n]
}
