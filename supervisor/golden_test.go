package supervisor_test

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/asynkron/protoactor-go/actor"
	"github.com/stretchr/testify/require"

	"github.com/dandelionws/dandelion/actors"
	"github.com/dandelionws/dandelion/handshake"
	"github.com/dandelionws/dandelion/messages"
	"github.com/dandelionws/dandelion/supervisor"
	"github.com/dandelionws/dandelion/test/wstest"
	"github.com/dandelionws/dandelion/wire"
)

// The files testdata/*.txt are scenarios and at the same time the specification
// of the actors: a line with a command, and behind it, indented, every message
// that it made the actors send, and what the server saw. `go test
// ./supervisor -run Golden -update` accepts what happens now.
//
// Within a step the lines are ordered by receiver, then by time: between two
// actors on goroutines of their own there is no other order.
var update = flag.Bool("update", false, "accept the golden traces")

func TestGolden(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txt")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			want, err := os.ReadFile(file)
			require.NoError(t, err)
			var got string
			synctest.Test(t, func(t *testing.T) { got = runScenario(t, string(want)) })
			if *update {
				require.NoError(t, os.WriteFile(file, []byte(got), 0o644))
				return
			}
			require.Equal(t, string(want), got)
		})
	}
}

// scenario is a supervisor, a user's actor and a server in one bubble.
type scenario struct {
	t      *testing.T
	system *actor.ActorSystem
	pid    *actor.PID // of the supervisor
	user   *actor.PID
	start  time.Time

	mu     sync.Mutex
	lines  map[string][]string // by receiver, in this step
	refuse map[string]refusal  // by URL; "" for all
	server *wstest.PipeConn
	blocks chan struct{} // the user's actor waits for it, if not nil
}

// refusal is how the server answers a handshake.
type refusal struct {
	status     int
	retryAfter string
}

// receivers is the order of the lines within a step.
var receivers = []string{"supervisor", "reader", "protocol", "writer", "callback", "user", "answers", "server"}

func (s *scenario) log(receiver, format string, args ...any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lines[receiver] = append(s.lines[receiver], fmt.Sprintf(format, args...))
}

func (s *scenario) Posted(to actors.Role, _ uint64, message any, _ *actor.PID) {
	switch message.(type) {
	case *actor.Started, *actor.Stop, *actor.Watch, *actor.Terminated, *actor.Touched, *actor.DeadLetterResponse, *actor.Stopping, *actor.Stopped:
		return // the life of actors is protoactor's business
	}
	s.log(to.String(), "%s", actors.Describe(message))
}

// settle takes out of a step what may or may not come in time.
func (s *scenario) settle() {
	slices.Sort(s.lines["reader"]) // from callback and protocol
	dropped := slices.ContainsFunc(s.lines["protocol"], func(line string) bool {
		return strings.HasPrefix(line, "timeout") || line == "FailConnection code 0"
	})
	if dropped { // whether the reader finds that before the actors have stopped is open
		s.lines["protocol"] = slices.DeleteFunc(s.lines["protocol"], func(line string) bool { return line == "Batch [end]" })
	}
}

func (s *scenario) Handled(actors.Role, uint64, any) {}

// Handshake hands out one end of a pipe.
func (s *scenario) Handshake(ctx context.Context, req *handshake.Request) (*handshake.Result, error) {
	s.mu.Lock()
	r, refused := s.refuse[""]
	if !refused {
		r, refused = s.refuse[req.URL]
	}
	s.mu.Unlock()
	if token := req.Header.Get("Authorization"); token != "" {
		s.log("server", "asked with %s", token)
	}
	if refused {
		return nil, &handshake.Error{Stage: handshake.StageHTTP, Status: r.status, Header: http.Header{"Retry-After": {r.retryAfter}}, Err: errors.New("refused")}
	}
	client, server := wstest.Pipe(1 << 20)
	s.server = server
	go s.serve(server)
	return &handshake.Result{Stream: client, Status: 101, Header: http.Header{}}, nil
}

// serve logs what the client writes.
func (s *scenario) serve(conn *wstest.PipeConn) {
	r := wire.NewReceiver(wire.ReceiverConfig{Role: wire.Server, Streaming: true})
	buf := make([]byte, 4096)
	for {
		n, err := conn.Read(buf)
		items, violation := r.Receive(nil, buf[:n])
		for _, item := range items {
			line := fmt.Sprintf("%s %q", strings.ToUpper(item.Opcode.String()), item.Payload)
			if item.Opcode == wire.OpPing && len(item.Payload) == 8 {
				line = "PING 8 B" // of the keepalive
			}
			if item.Opcode == wire.OpClose {
				line = fmt.Sprintf("CLOSE %d %q", item.Code, item.Reason)
			} else if !item.Final || !item.First {
				line += fmt.Sprintf(" first=%v final=%v", item.First, item.Final)
			}
			s.log("server", "%s", line)
		}
		if r.Closed() { // Pongs may follow
			r = wire.NewReceiver(wire.ReceiverConfig{Role: wire.Server, Streaming: true})
		}
		if violation != nil {
			s.log("server", "violation: %v", violation)
		}
		if err != nil {
			if errors.Is(err, io.EOF) {
				s.log("server", "EOF")
			} else {
				s.log("server", "connection lost")
			}
			return
		}
	}
}

// Receive is the user's actor.
func (s *scenario) Receive(ctx actor.Context) {
	switch ctx.Message().(type) {
	case actor.AutoReceiveMessage, actor.SystemMessage, *actor.Touch:
		return
	}
	if s.blocks != nil {
		<-s.blocks
	}
	switch ctx.Message().(type) {
	case *messages.Sent, *messages.SendFailed: // they come from the writer, events from the callback
		s.log("answers", "%s", actors.Describe(ctx.Message()))
	default:
		s.log("user", "%s", actors.Describe(ctx.Message()))
	}
}

func runScenario(t *testing.T, script string) string {
	s := &scenario{t: t, lines: map[string][]string{}, refuse: map[string]refusal{}, start: time.Now()}
	s.system = actor.NewActorSystem(actor.WithLoggerFactory(func(*actor.ActorSystem) *slog.Logger {
		return slog.New(slog.DiscardHandler)
	}))
	root := s.system.Root
	s.user = root.Spawn(actor.PropsFromProducer(func() actor.Actor { return s }))
	cfg := supervisor.Config{
		Request:    handshake.Request{URL: "ws://server.test/"},
		Handshaker: s,
		Target:     s.user,
		Observer:   s,
		RetryPolicy: supervisor.RetryPolicy{
			Backoff: supervisor.Exponential{Float64: func() float64 { return 0.5 }}.New,
		},
	}
	var out strings.Builder
	step := func(f func()) {
		f()
		synctest.Wait()
		s.mu.Lock()
		defer s.mu.Unlock()
		s.settle()
		for _, r := range receivers {
			for _, line := range s.lines[r] {
				fmt.Fprintf(&out, "    %-10s ← %s\n", r, line)
			}
		}
		clear(s.lines)
	}
	for line := range strings.Lines(script) {
		line = strings.TrimRight(line, "\n")
		if strings.HasPrefix(line, " ") {
			continue // what happened when the file was written
		}
		fmt.Fprintln(&out, line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		who, what, ok := strings.Cut(line, ": ")
		if !ok {
			t.Fatalf("%q: want «who: what»", line)
		}
		words := split(what)
		step(func() {
			switch who {
			case "config":
				s.configure(&cfg, words)
			case "user":
				if words[0] == "spawn" {
					s.pid = root.Spawn(supervisor.Props(cfg))
					return
				}
				if m := s.command(words); m != nil {
					root.RequestWithCustomSender(s.pid, m, s.user)
				}
			case "server":
				s.play(words)
			case "time":
				d, err := time.ParseDuration(words[0])
				require.NoError(t, err)
				time.Sleep(d)
			default:
				t.Fatalf("%q: nobody is called %q", line, who)
			}
		})
	}
	root.Stop(s.pid)
	if s.server != nil {
		s.server.Close()
	}
	root.Stop(s.user)
	time.Sleep(2 * time.Second) // lets the actor system's own timers run out
	return out.String()
}

// split cuts at blanks outside of quotes and takes the quotes away.
func split(line string) (words []string) {
	for line = strings.TrimSpace(line); line != ""; line = strings.TrimSpace(line) {
		if q, err := strconv.QuotedPrefix(line); err == nil {
			word, _ := strconv.Unquote(q)
			words, line = append(words, word), line[len(q):]
			continue
		}
		word, rest, _ := strings.Cut(line, " ")
		words, line = append(words, word), rest
	}
	return words
}

func (s *scenario) configure(cfg *supervisor.Config, w []string) {
	switch w[0] {
	case "keepalive":
		cfg.PingInterval, _ = time.ParseDuration(w[1])
		cfg.PongTimeout, _ = time.ParseDuration(w[2])
		cfg.PingMisses, _ = strconv.Atoi(w[3])
	case "once":
		cfg.Once = true
	case "attempts":
		cfg.MaxAttempts, _ = strconv.Atoi(w[1])
	case "endpoints":
		cfg.Endpoints.URLs = w[1:]
	case "provider": // of a new token for each attempt that asks for one
		token := 1
		cfg.Provider = func(_ context.Context, a supervisor.Attempt) (handshake.Request, error) {
			if a.Refresh {
				token++
			}
			a.Request.Header = http.Header{"Authorization": {fmt.Sprintf("token%d", token)}}
			return a.Request, nil
		}
	case "subscribe":
		cfg.Subscribe = func(_ context.Context, opened *messages.Opened) ([]messages.Outgoing, error) {
			return []messages.Outgoing{{Kind: messages.Text, Data: fmt.Appendf(nil, "subscribe %s %d", w[1], opened.Epoch)}}, nil
		}
	case "outbox": // messages, policy, TTL
		cfg.Outbox = &supervisor.OutboxConfig{}
		for _, word := range w[1:] {
			name, value, _ := strings.Cut(word, "=")
			switch name {
			case "messages":
				cfg.Outbox.Messages, _ = strconv.Atoi(value)
			case "ttl":
				cfg.Outbox.TTL, _ = time.ParseDuration(value)
			case "drop-oldest":
				cfg.Outbox.Full = supervisor.DropOldest
			case "drop-newest":
				cfg.Outbox.Full = supervisor.DropNewest
			case "block":
				cfg.Outbox.Full = supervisor.Block
			case "acks":
				cfg.Outbox.Acked = func(_ messages.Kind, data []byte) (supervisor.Ack, bool) {
					id, ok := strings.CutPrefix(string(data), "ack ")
					id, through := strings.CutSuffix(id, " and before")
					return supervisor.Ack{ID: id, Through: through}, ok
				}
			}
		}
	case "queue":
		cfg.QueueMessages, _ = strconv.Atoi(w[1])
	default:
		s.t.Fatalf("unknown configuration %q", w)
	}
}

// command makes the message for a user's line.
func (s *scenario) command(w []string) any {
	arg := func(i int) string {
		if i < len(w) {
			return w[i]
		}
		return ""
	}
	switch w[0] {
	case "text":
		m := &messages.SendText{Ref: 1, Text: arg(1)}
		for _, word := range w[min(2, len(w)):] {
			name, value, _ := strings.Cut(word, "=")
			switch name {
			case "ref":
				m.Ref, _ = strconv.ParseUint(value, 10, 64)
			case "ttl":
				m.TTL, _ = time.ParseDuration(value)
			case "resend":
				m.Resend = true
			case "id":
				m.ID = value
			}
		}
		return m
	case "binary":
		return &messages.SendBinary{Ref: 1, Data: []byte(arg(1))}
	case "fragment":
		stream, _ := strconv.ParseUint(arg(1), 10, 64)
		return &messages.SendFragment{Ref: stream, Stream: stream, Kind: messages.Text,
			First: slices.Contains(w, "first"), Final: slices.Contains(w, "final"), Data: []byte(arg(2))}
	case "ping":
		return &messages.Ping{Ref: 1, Data: []byte(arg(1))}
	case "pong":
		return &messages.Pong{Ref: 1, Data: []byte(arg(1))}
	case "close":
		code, _ := strconv.Atoi(arg(1))
		return &messages.Close{Ref: 9, Code: wire.StatusCode(code), Reason: arg(2)}
	case "fail":
		code, _ := strconv.Atoi(arg(1))
		return &messages.FailConnection{Code: wire.StatusCode(code), Cause: errors.New("for the test")}
	case "reconnect":
		return &messages.Reconnect{}
	case "pause":
		return &messages.Pause{}
	case "resume":
		return &messages.Resume{}
	case "stop":
		flush, _ := time.ParseDuration(arg(1))
		return &messages.Stop{Flush: flush}
	case "dies":
		s.system.Root.Stop(s.user)
		return nil
	}
	s.t.Fatalf("unknown command %q", w)
	return nil
}

// play does what a server's line says.
func (s *scenario) play(w []string) {
	var buf []byte
	for len(w) > 0 {
		switch op := w[0]; op {
		case "refuses":
			r, url := refusal{status: 503}, ""
			for _, word := range w[1:] {
				if strings.HasPrefix(word, "ws:") {
					url = word
				} else if len(word) == 3 {
					r.status, _ = strconv.Atoi(word)
				} else {
					r.retryAfter = strings.TrimPrefix(word, "after=")
				}
			}
			s.refuse[url] = r
			return
		case "accepts":
			clear(s.refuse)
			return
		case "eof":
			s.write(buf)
			s.server.CloseWrite()
			return
		case "dies":
			s.write(buf)
			s.server.Reset()
			return
		case "raw":
			buf = append(buf, wstest.Hex(w[1])...)
			w = w[2:]
		case "close":
			code, _ := strconv.Atoi(w[1])
			payload, err := wire.AppendClosePayload(nil, wire.StatusCode(code), w[2])
			require.NoError(s.t, err)
			buf = wire.AppendServerFrame(buf, true, 0, wire.OpClose, payload)
			w = w[3:]
		default:
			i := slices.Index([]string{"text", "binary", "ping", "pong"}, op)
			if i < 0 {
				s.t.Fatalf("unknown frame %q", op)
			}
			opcode := [...]wire.Opcode{wire.OpText, wire.OpBinary, wire.OpPing, wire.OpPong}[i]
			buf = wire.AppendServerFrame(buf, true, 0, opcode, []byte(w[1]))
			w = w[2:]
		}
	}
	s.write(buf)
}

func (s *scenario) write(p []byte) {
	_, err := io.Copy(s.server, bytes.NewReader(p))
	require.NoError(s.t, err)
}
