package chaos_test

// This file is the user who uses a connection without actors.

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"github.com/dandelionws/dandelion"
	"github.com/dandelionws/dandelion/handshake"
	"github.com/dandelionws/dandelion/messages"
	"github.com/dandelionws/dandelion/wire"
)

// clientParty uses the entry point for code without actors: goroutines that write, and
// callbacks or a goroutine that reads.
type clientParty struct {
	*run
	client *dandelion.Client

	handled   int // by the callbacks or the reader
	readEnded chan struct{}
	probes    uint64
	ok, bad   atomic.Int64
}

const (
	// prober is the sender that probes.
	prober = 99
	// fragmented, added to a sender, is the sender of its messages in pieces.
	fragmented = 50
)

func newClientParty(r *run) *clientParty {
	return &clientParty{run: r, readEnded: make(chan struct{})}
}

func (p *clientParty) start(life context.Context) error {
	s := p.schedule
	h := &dandelion.Handler{
		OnConnecting:   func(_ *dandelion.Client, e *messages.Connecting) { p.chronicle.see(e) },
		OnOpen:         func(_ *dandelion.Client, e *messages.Opened) { p.chronicle.see(e) },
		OnPing:         func(*dandelion.Client, []byte) { p.chronicle.see(&messages.PingReceived{}) },
		OnPong:         func(_ *dandelion.Client, e *messages.PongReceived) { p.chronicle.see(e) },
		OnClosing:      func(_ *dandelion.Client, e *messages.Closing) { p.chronicle.see(e) },
		OnClosed:       func(_ *dandelion.Client, e *messages.Closed) { p.chronicle.see(e) },
		OnReconnecting: func(_ *dandelion.Client, e *messages.ReconnectScheduled) { p.chronicle.see(e) },
		OnGaveUp:       func(_ *dandelion.Client, e *messages.GaveUp) { p.chronicle.see(e) },
		OnPanic:        func(_ *dandelion.Client, e *messages.HandlerFailed) { p.chronicle.see(e) },
		OnPaused:       func(_ *dandelion.Client, e *messages.Paused) { p.chronicle.see(e) },
		OnDropped:      func(_ *dandelion.Client, e *messages.OutboxDropped) { p.chronicle.see(e) },
		OnStopped:      func(_ *dandelion.Client, e *messages.Stopped) { p.chronicle.see(e) },
	}
	if s.user == callbacks {
		h.OnText = func(_ *dandelion.Client, text string) {
			p.chronicle.see(&messages.TextReceived{})
			p.echo(messages.KindText, text)
		}
		h.OnBinary = func(_ *dandelion.Client, data []byte) {
			p.chronicle.see(&messages.BinaryReceived{})
			p.echo(messages.KindBinary, string(data))
		}
	}
	opts := s.settings()
	opts.TLSConfig = p.tls
	opts.DialContext = p.network.dial()
	opts.Gate = &handshake.Gate{}
	opts.ConnectTimeout = s.connectTimeout()
	opts.Handler = h
	opts.Retry = s.policy()
	opts.Outbox = s.outboxConfig()
	opts.System = p.system
	var err error
	p.client, err = dandelion.Supervise(life, p.network.url(), &opts)
	if err != nil {
		return err
	}
	if s.user == readers {
		go p.read()
	} else {
		close(p.readEnded)
	}
	return nil
}

func (p *clientParty) echo(kind messages.Kind, data string) {
	p.handled++
	p.slowDown(p.handled)
	p.echoes.come(0, kind, data)
}

// read reads until the client has ended.
func (p *clientParty) read() {
	defer close(p.readEnded)
	for m, err := range p.client.Messages(context.Background()) {
		if err != nil {
			return
		}
		p.echo(m.Kind(), string(m.Bytes()))
	}
}

func (p *clientParty) drive(ctx context.Context) {
	var writers sync.WaitGroup
	for i := range 1 + p.rng.IntN(2) {
		w := &clientWriter{clientParty: p, sender: i + 1, rng: rand.New(rand.NewPCG(p.rng.Uint64(), 0))}
		writers.Go(func() { w.run(ctx) })
	}
	writers.Wait()
}

// clientWriter is a goroutine that sends.
type clientWriter struct {
	*clientParty
	sender int
	number uint64
	// fragmented is the number of the last message in pieces.
	fragmented uint64
	rng        *rand.Rand
}

// next returns the next message.
func (w *clientWriter) next() (messages.Kind, []byte) {
	w.number++
	return kindOf(w.number), []byte(payload(w.sender, w.number, size(w.rng)))
}

func (w *clientWriter) run(ctx context.Context) {
	for ctx.Err() == nil && !w.chronicle.isStopped() {
		switch x := w.rng.IntN(100); {
		case x < 50:
			for range 1 + w.rng.IntN(3) {
				kind, data := w.next()
				once, cancel := context.WithTimeout(ctx, span(w.rng, 2*w.schedule.unit))
				w.count("Write", w.client.Write(once, dandelion.NewMessage(kind, data)))
				cancel()
			}
		case x < 80:
			for range 1 + w.rng.IntN(10) {
				kind, data := w.next()
				w.count("Send", w.client.Send(dandelion.NewMessage(kind, data)))
			}
		case x < 90:
			w.pieces(ctx)
		case x < 95:
			once, cancel := context.WithTimeout(ctx, span(w.rng, 2*w.schedule.unit))
			_, err := w.client.Ping(once)
			w.check("Ping", err)
			cancel()
		case x < 98:
			w.check("SendPing", w.client.SendPing(nil))
		case x == 99 && w.schedule.pauses:
			w.chronicle.pause()
			w.system.Root.Send(w.client.PID(), &messages.Pause{})
			pause(ctx, span(w.rng, w.schedule.unit))
			w.resume()
		case w.schedule.reconnects:
			w.chronicle.ask()
			w.system.Root.Send(w.client.PID(), &messages.Reconnect{})
		}
		pause(ctx, span(w.rng, w.schedule.unit/5))
	}
}

// pieces sends a message in several frames. Nothing ends its context, because nobody could
// finish the message afterwards.
func (w *clientWriter) pieces(ctx context.Context) {
	// Fragments bypass the outbox, and so overtake the messages in it.
	w.fragmented++
	kind, data := kindOf(w.fragmented), []byte(payload(w.sender+fragmented, w.fragmented, size(w.rng)))
	m := w.client.Writer(context.Background(), kind)
	for range w.rng.IntN(3) {
		cut := w.rng.IntN(len(data) + 1)
		if _, err := m.Write(data[:cut]); err != nil {
			w.count("MessageWriter.Write", err)
			return
		}
		data = data[cut:]
		if w.rng.IntN(3) == 0 {
			pause(ctx, span(w.rng, w.schedule.unit/10))
		}
	}
	w.count("MessageWriter.WriteFinal", m.WriteFinal(data))
}

func (p *clientParty) count(what string, err error) {
	if err == nil {
		p.ok.Add(1)
	} else {
		p.bad.Add(1)
	}
	p.check(what, err)
}

func (p *clientParty) check(what string, err error) {
	if err != nil && !known(err) && !errors.Is(err, context.DeadlineExceeded) && !errors.Is(err, context.Canceled) && !p.isEnd(err) {
		p.violation("%s failed for an unexpected reason: %v", what, err)
	}
}

// isEnd reports whether err is the end of the client.
func (p *clientParty) isEnd(err error) bool {
	end := p.client.Err()
	return end != nil && errors.Is(err, end)
}

func (p *clientParty) resume() {
	p.chronicle.ask()
	p.system.Root.Send(p.client.PID(), &messages.Resume{})
}

func (p *clientParty) probe(ctx context.Context) (int, uint64) {
	p.probes++
	p.count("probe", p.client.Write(ctx, dandelion.NewMessage(kindOf(p.probes), []byte(payload(prober, p.probes, 100)))))
	return prober, p.probes
}

func (p *clientParty) end(ctx context.Context, cancel func()) {
	root := p.system.Root
	switch p.schedule.ending {
	case byClose:
		err := p.client.Close(ctx, wire.StatusNormal, "chaos ends")
		var closed *messages.CloseError
		if err != nil && !errors.As(err, &closed) {
			p.violation("Close returned %T: %v", err, err)
		}
	case byStop:
		root.Send(p.client.PID(), &messages.Stop{})
	case byLifetime:
		cancel()
	case byAbort:
		p.client.Abort()
	case byKill:
		root.Stop(p.client.PID())
	}
}

func (p *clientParty) audit(ctx context.Context) {
	p.await(p.client.Done(), "Done")
	p.await(p.readEnded, "the end of Messages")
	if p.client.Err() == nil || p.client.State() != messages.StateStopped {
		p.violation("the client ended in the state %v with the error %v", p.client.State(), p.client.Err())
	}
	start := time.Now()
	if err := p.client.Write(ctx, dandelion.Binary(nil)); err == nil || p.exact && time.Since(start) > p.schedule.unit {
		p.violation("Write returned %v %v after the end", err, time.Since(start))
	}
	p.figures.sent.Add(p.ok.Load())
	p.figures.failed.Add(p.bad.Load())
}
