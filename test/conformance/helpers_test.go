package conformance_test

// This file is what the tests share: dialling a scripted server, exchanging messages, and
// checking errors.

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/dandelionws/dandelion"
	"github.com/dandelionws/dandelion/handshake"
	"github.com/dandelionws/dandelion/messages"
	"github.com/dandelionws/dandelion/test/wstest"
	"github.com/dandelionws/dandelion/wire"
)

// limit bounds everything that a test waits for.
const limit = 10 * time.Second

// silence is how long a test on the real network waits to see that nothing comes.
const silence = 300 * time.Millisecond

// newContext returns a context that ends with the test, at the latest after limit.
func newContext(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	t.Cleanup(cancel)
	return ctx
}

// over returns Options with which a client reaches srv, whatever host its URL names, and
// trusts srv if that speaks TLS. They have their own Gate, so that no test waits for
// another. Inside a synctest bubble set System, too.
func over(srv *wstest.Server) *dandelion.Options {
	o := &dandelion.Options{DialContext: srv.DialContext, Gate: new(handshake.Gate)}
	if strings.HasPrefix(srv.URL(), "wss:") {
		o.TLSConfig = srv.ClientTLS()
	}
	return o
}

// dialling is a dial under way, so that the test itself can be the server.
type dialling struct {
	client *dandelion.Client
	err    error
	done   chan struct{} // closed when the two above are set
}

// startDial dials in the background. The dial ends with the test at the latest, and so
// does its client.
func startDial(t *testing.T, url string, opts *dandelion.Options) *dialling {
	t.Helper()
	return startDialIn(newContext(t), t, url, opts)
}

// startDialIn is startDial with the context for the dial.
func startDialIn(ctx context.Context, t *testing.T, url string, opts *dandelion.Options) *dialling {
	t.Helper()
	ctx, cancel := context.WithCancel(ctx)
	d := &dialling{done: make(chan struct{})}
	go func() {
		defer close(d.done)
		d.client, d.err = dandelion.Dial(ctx, url, opts)
	}()
	t.Cleanup(func() {
		cancel()
		<-d.done
		if d.client != nil {
			d.client.Abort()
			<-d.client.Done()
		}
	})
	return d
}

// open waits for the dial and returns the open client. It fails if the dial does.
func (d *dialling) open(t *testing.T) *dandelion.Client {
	t.Helper()
	<-d.done
	if d.err != nil {
		t.Fatalf("dial failed: %v", d.err)
	}
	return d.client
}

// fails waits for the dial and returns its error. It fails if the dial succeeded.
func (d *dialling) fails(t *testing.T) *handshake.Error {
	t.Helper()
	<-d.done
	if d.err == nil {
		t.Fatalf("dial succeeded, want an error; the client is %v", d.client.State())
	}
	return handshakeError(t, d.err)
}

// pending reports whether the dial has not returned yet.
func (d *dialling) pending() bool {
	select {
	case <-d.done:
		return false
	default:
		return true
	}
}

// open dials srv and grants the request, with edits to the response, and returns both ends
// of the open connection. nil opts mean those of over.
func open(t *testing.T, srv *wstest.Server, opts *dandelion.Options, edits ...wstest.Edit) (*dandelion.Client, *wstest.Conn) {
	t.Helper()
	if opts == nil {
		opts = over(srv)
	}
	d := startDial(t, srv.URL(), opts)
	c := srv.Accept(t.Context())
	c.Upgrade(edits...)
	return d.open(t), c
}

// openPipe is open with a new server in memory.
func openPipe(t *testing.T, edits ...wstest.Edit) (*dandelion.Client, *wstest.Conn) {
	t.Helper()
	return open(t, wstest.NewPipe(t), nil, edits...)
}

// received is the outcome of a Client.Read.
type received struct {
	msg dandelion.Message
	err error
}

// startRead reads one message in the background: a receive call that is pending
// while the server sends. The channel gets one value.
func startRead(t *testing.T, client *dandelion.Client) <-chan received {
	t.Helper()
	ctx := newContext(t)
	out := make(chan received, 1)
	go func() {
		msg, err := client.Read(ctx)
		out <- received{msg, err}
	}()
	return out
}

// readText reads one message and fails unless it is that text.
func readText(t *testing.T, client *dandelion.Client, want string) {
	t.Helper()
	readMessage(t, client, messages.KindText, []byte(want))
}

// readMessage reads one message and fails unless it is that one.
func readMessage(t *testing.T, client *dandelion.Client, kind messages.Kind, want []byte) {
	t.Helper()
	msg, err := client.Read(newContext(t))
	if err != nil {
		t.Fatalf("read failed, want %s %.80q: %v", kind, want, err)
	}
	if msg.Kind() != kind || !slices.Equal(msg.Bytes(), want) {
		t.Fatalf("read %s %.80q (%d bytes), want %s %.80q (%d bytes)", msg.Kind(), msg.Bytes(), len(msg.Bytes()), kind, want, len(want))
	}
}

// exchange passes one text message in each direction.
func exchange(t *testing.T, client *dandelion.Client, c *wstest.Conn) {
	t.Helper()
	c.SendText("to the client")
	readText(t, client, "to the client")
	if err := client.Write(newContext(t), dandelion.Text("to the server")); err != nil {
		t.Fatalf("write failed: %v", err)
	}
	c.ExpectText("to the server")
}

// handshakeError fails unless err is a *handshake.Error, which it returns.
func handshakeError(t *testing.T, err error) *handshake.Error {
	t.Helper()
	var e *handshake.Error
	if !errors.As(err, &e) {
		t.Fatalf("error is a %T, want a *handshake.Error: %v", err, err)
	}
	return e
}

// wantStage fails unless e is of that stage.
func wantStage(t *testing.T, e *handshake.Error, want handshake.Stage) {
	t.Helper()
	if e.Stage != want {
		t.Errorf("stage is %v, want %v: %v", e.Stage, want, e)
	}
}

// closeError fails unless err is a *messages.CloseError, which it returns.
func closeError(t *testing.T, err error) *messages.CloseError {
	t.Helper()
	var e *messages.CloseError
	if !errors.As(err, &e) {
		t.Fatalf("error is a %T, want a *messages.CloseError: %v", err, err)
	}
	return e
}

// protocolError fails unless err wraps a *wire.ProtocolError with that close
// code, which it returns.
func protocolError(t *testing.T, err error, code wire.StatusCode) *wire.ProtocolError {
	t.Helper()
	var e *wire.ProtocolError
	if !errors.As(err, &e) {
		t.Fatalf("error does not wrap a *wire.ProtocolError: %v", err)
	}
	if e.Code != code {
		t.Errorf("close code of the error is %d, want %d: %v", e.Code, code, err)
	}
	return e
}

// wantReadError waits for the pending read and returns its error; nothing may have been
// delivered.
func wantReadError(t *testing.T, read <-chan received) error {
	t.Helper()
	got := <-read
	if got.err == nil {
		t.Fatalf("read delivered %s %.80q, want an error", got.msg.Kind(), got.msg.Bytes())
	}
	return got.err
}
