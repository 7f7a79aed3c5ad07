// Command actor is a small service built from actors. Its oracle answers the
// questions of other actors by way of a WebSocket server; the connection is a
// child of the oracle, whose mailbox gets the events.
//
//	go run ./examples/actor
package main

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"log"
	"log/slog"
	"os"
	"slices"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"github.com/dandelionws/dandelion/messages"
	"github.com/dandelionws/dandelion/supervisor"
	"github.com/dandelionws/dandelion/supervisor/retry"
	"github.com/dandelionws/dandelion/test/wstest"
	"github.com/dandelionws/dandelion/wire"
)

const legend = "> to send   < received   = state   % decision of the supervisor   ! answer to the asker"

// The messages of the oracle, besides those of the connection.
type (
	ask    struct{ question string } // answered with *answer
	answer struct {
		text string
		err  error
	}
	shutdown struct{} // answered with *messages.Stopped
)

// oracle asks a server that answers one text with one text, in order.
type oracle struct {
	url   string
	trace *log.Logger

	conn   *actor.PID // stays the same through all reconnects
	open   bool
	last   uint64     // ref of the last query
	asked  []query    // not answered yet
	leaver *actor.PID // waits for the shutdown
}

type query struct {
	ref      uint64
	question string
	from     *actor.PID
}

// Receive takes questions and events in one place, one after the other.
func (o *oracle) Receive(ctx actor.Context) {
	switch msg := ctx.Message().(type) {
	case *actor.Started:
		o.conn = ctx.Spawn(supervisor.Props(supervisor.Config{
			URL:    o.url,
			Target: ctx.Self(),
			Retry: retry.Policy{
				Backoff:     retry.Exponential{Base: 200 * time.Millisecond}.New,
				MaxAttempts: 3,
			},
		}))

	case *ask:
		o.last++
		q := query{o.last, msg.question, ctx.Sender()}
		o.asked = append(o.asked, q)
		if o.open {
			o.send(ctx, q)
		}
	case *messages.Opened:
		o.trace.Printf("= OPEN epoch %d", msg.Epoch)
		o.open = true
		for _, q := range o.asked { // came too early, or were lost with the last connection
			o.send(ctx, q)
		}
	case *messages.TextReceived:
		o.trace.Printf("< TEXT %q", msg.Text)
		if len(o.asked) > 0 {
			ctx.Send(o.asked[0].from, &answer{text: msg.Text})
			o.asked = o.asked[1:]
		}
	case *messages.Sent: // it left this machine; whether it arrived, the answer tells
	case *messages.SendFailed:
		i := slices.IndexFunc(o.asked, func(q query) bool { return q.ref == msg.Ref })
		if i < 0 || errors.Is(msg.Err, messages.ErrClosed) || errors.Is(msg.Err, messages.ErrNotOpen) {
			return // Opened follows and sends it again, or Stopped
		}
		ctx.Send(o.asked[i].from, &answer{err: msg.Err})
		o.asked = slices.Delete(o.asked, i, i+1)

	case *messages.Reconnect: // an operator's wish
		o.open = false
		ctx.Forward(o.conn)
	case *messages.Closing:
		o.open = false
	case *messages.Closed:
		o.open = false
		o.trace.Printf("= CLOSED code %d, clean: %t", msg.Err.Code, msg.Err.Clean)
	case *messages.ReconnectScheduled:
		o.trace.Printf("%% waits %v: %s", msg.Delay.Round(time.Millisecond), msg.Reason)

	case *shutdown:
		o.leaver = ctx.Sender()
		ctx.Send(o.conn, &messages.Close{Code: wire.StatusNormal, Reason: "the oracle rests"})
	case *messages.Stopped: // the last event; the connection has ended
		o.trace.Print("= STOPPED")
		for _, q := range o.asked {
			ctx.Send(q.from, &answer{err: cmp.Or(msg.Cause, messages.ErrStopped)})
		}
		if o.leaver != nil {
			ctx.Send(o.leaver, msg)
		}
		ctx.Stop(ctx.Self())
	}
}

func (o *oracle) send(ctx actor.Context, q query) {
	o.trace.Printf("> TEXT %q", q.question)
	ctx.Request(o.conn, &messages.SendText{Ref: q.ref, Text: q.question}) // Request: an answer is wanted
}

func main() {
	if err := run(os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "actor:", err)
		os.Exit(1)
	}
}

func run(out io.Writer) error {
	trace := log.New(out, "", 0)
	trace.Print(legend)
	server, err := wstest.NewEchoServer("")
	if err != nil {
		return err
	}
	defer server.Close()

	system := actor.NewActorSystem(actor.WithLoggerFactory(func(*actor.ActorSystem) *slog.Logger {
		return slog.New(slog.DiscardHandler)
	}))
	root := system.Root
	pid := root.Spawn(actor.PropsFromProducer(func() actor.Actor {
		return &oracle{url: server.URL(), trace: trace}
	}))
	defer func() { root.StopFuture(pid).Wait() }() // after a failure; a shutdown leaves nothing to stop

	consult := func(question string) error {
		reply, err := root.RequestFuture(pid, &ask{question}, 5*time.Second).Result()
		if err != nil {
			return fmt.Errorf("%q was not answered: %w", question, err)
		}
		a := reply.(*answer)
		if a.err != nil {
			trace.Printf("! error: %v", a.err)
			return a.err
		}
		trace.Printf("! %q", a.text)
		return nil
	}
	if err := consult("is anybody there?"); err != nil { // asked before the connection is open
		return err
	}
	if err := consult("caf\xe9"); !errors.Is(err, messages.ErrInvalidUTF8) { // must not be sent
		return fmt.Errorf("a text that is not UTF-8 was not refused: %v", err)
	}
	root.Send(pid, &messages.Reconnect{})
	if err := consult("and on another connection?"); err != nil { // asked between two
		return err
	}

	reply, err := root.RequestFuture(pid, &shutdown{}, 5*time.Second).Result()
	if err != nil {
		return fmt.Errorf("shutdown: %w", err)
	}
	if stopped, ok := reply.(*messages.Stopped); !ok || stopped.Cause != nil {
		return errors.New("not a clean end")
	}
	return nil
}
