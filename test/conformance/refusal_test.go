package conformance_test

// This file tests responses with a status other than 101, and endless responses: RFC 6455
// §4.1, §4.4, RFC 7230 §3.2.5, §3.3.3, RFC 9110 §15.

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/dandelionws/dandelion"
	"github.com/dandelionws/dandelion/handshake"
	"github.com/dandelionws/dandelion/internal/testkit"
	"github.com/dandelionws/dandelion/supervisor/retry"
	"github.com/dandelionws/dandelion/test/wstest"
)

// refused dials a new server that sends the response, and returns the error. The client
// must close TCP, write no frame and make no other connection.
func refused(t *testing.T, answer func(c *wstest.Conn)) *handshake.Error {
	t.Helper()
	srv := wstest.NewPipe(t)
	d, c := (&responseCase{write: answer}).runOn(t, srv, ownHTTP(over(srv)))
	e := wantRefused(t, d, c)
	if n := srv.Accepted(); n != 1 {
		t.Errorf("%d connections were made, want 1", n)
	}
	return e
}

func wantStatus(t *testing.T, e *handshake.Error, want int) {
	t.Helper()
	if e.Status != want {
		t.Errorf("status of the error is %d, want %d: %v", e.Status, want, e)
	}
}

// respond sends the response with that status, no body and these header lines.
func respond(status int, lines ...string) func(c *wstest.Conn) {
	return func(c *wstest.Conn) { c.Respond(status, "", lines...) }
}

// req: 6455-4.1-33
func TestRefusalStatus(t *testing.T) {
	t.Run("200 with a perfect header", func(t *testing.T) {
		e := refused(t, func(c *wstest.Conn) {
			c.Accept101(wstest.StatusLine("HTTP/1.1 200 OK"), wstest.AddHeader("X-Test", "a"),
				wstest.AddHeader("Content-Length", "7"), wstest.After(helloFrame))
		})
		wantStatus(t, e, 200)
		if e.Header.Get("X-Test") != "a" || e.Header.Get("Upgrade") != "websocket" {
			t.Errorf("header of the error is %v", e.Header)
		}
	})
	for _, status := range []int{400, 403, 404, 500, 503} {
		t.Run(fmt.Sprint(status), func(t *testing.T) {
			e := refused(t, respond(status, "X-Test: a", "X-Test: b"))
			wantStatus(t, e, status)
			if got := e.Header.Values("X-Test"); !slices.Equal(got, []string{"a", "b"}) {
				t.Errorf("X-Test of the error is %q", got)
			}
		})
	}
}

// req: 6455-4.1-34
func TestRefusalUnauthorized(t *testing.T) {
	e := refused(t, respond(401, "WWW-Authenticate: Basic realm=x"))
	wantStatus(t, e, 401)
	if got := e.Header.Get("WWW-Authenticate"); got != "Basic realm=x" {
		t.Errorf("WWW-Authenticate of the error is %q", got)
	}
}

// req: 6455-4.1-35
func TestRefusalRedirect(t *testing.T) {
	for _, status := range []int{301, 302, 303, 307, 308} {
		t.Run(fmt.Sprint(status), func(t *testing.T) {
			e := refused(t, respond(status, "Location: ws://other.test/y"))
			wantStatus(t, e, status)
			if got := e.Header.Get("Location"); got != "ws://other.test/y" {
				t.Errorf("Location of the error is %q", got)
			}
		})
	}
}

// req: 6455-4.4-01
func TestRefusalVersion(t *testing.T) {
	versions := []string{"Sec-WebSocket-Version: 25", "Sec-WebSocket-Version: 8, 7"}
	for _, test := range []struct {
		status int
		lines  []string
	}{
		{400, versions},
		{426, append([]string{"Upgrade: h2c", "Connection: Upgrade"}, versions...)},
	} {
		t.Run(fmt.Sprint(test.status), func(t *testing.T) {
			e := refused(t, respond(test.status, test.lines...))
			wantStatus(t, e, test.status)
			if got := e.Header.Values("Sec-WebSocket-Version"); !slices.Equal(got, []string{"25", "8, 7"}) {
				t.Errorf("Sec-WebSocket-Version of the error is %q", got)
			}
			if got := e.Versions(); !slices.Equal(got, []string{"25", "8", "7"}) {
				t.Errorf("versions of the error are %q, want 25, 8, 7", got)
			}
		})
	}
}

// req: 9110-15-01
func TestRefusalUnknownStatus(t *testing.T) {
	for _, status := range []int{471, 299, 399, 599} {
		t.Run(fmt.Sprint(status), func(t *testing.T) {
			e := refused(t, respond(status))
			wantStatus(t, e, status)
			if got := e.StatusClass(); got != status/100 {
				t.Errorf("class is %d, want %d", got, status/100)
			}
		})
	}
	t.Run("399 is no redirect that is followed", func(t *testing.T) {
		srv := wstest.NewPipe(t)
		d := startDial(t, srv.URL(), following(srv, 5))
		c := srv.Accept(t.Context())
		c.ReadRequest()
		c.Respond(399, "")
		wantStatus(t, wantRefused(t, d, c), 399)
		if n := srv.Accepted(); n != 1 {
			t.Errorf("%d connections were made, want 1", n)
		}
	})
}

// req: 9110-15-02
func TestRefusalStatusOutOfRange(t *testing.T) {
	for _, status := range []string{"099", "600", "999"} {
		t.Run(status, func(t *testing.T) {
			e := refused(t, func(c *wstest.Conn) {
				c.WriteRaw([]byte("HTTP/1.1 " + status + " X\r\nContent-Length: 0\r\n\r\n"))
			})
			if got := fmt.Sprintf("%03d", e.Status); got != status {
				t.Errorf("status of the error is %s, want %s", got, status)
			}
			if e.StatusClass() != 5 {
				t.Errorf("class is %d, want 5", e.StatusClass())
			}
			if retry.Verdicts(nil).Judge(e, time.Now()).Action != retry.Retry {
				t.Error("it is not tried again, as after a 5xx")
			}
		})
	}
}

// req: 7230-3.3.3-03
func TestRefusalInvalidLength(t *testing.T) {
	for _, test := range []struct {
		name  string
		lines []string
	}{
		{"two lengths", []string{"Content-Length: 5", "Content-Length: 6"}},
		{"a list of lengths", []string{"Content-Length: 5, 6"}},
		{"no number", []string{"Content-Length: x"}},
		{"negative", []string{"Content-Length: -1"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			testkit.Bubble(t, func(t *testing.T, srv *wstest.Server, opts *dandelion.Options) {
				start := time.Now()
				d := startDial(t, srv.URL(), opts)
				c := srv.Accept(t.Context())
				c.ReadRequest()
				c.Respond(403, "", test.lines...) // no body follows
				e := wantRefused(t, d, c)
				wantStatus(t, e, 403)
				if len(e.Body) > 0 {
					t.Errorf("body is %q", e.Body)
				}
				if took := time.Since(start); took > 0 {
					t.Errorf("the client has waited %v for a body", took)
				}
			})
		})
	}
}

// maxBody is how much of a body an error has, as documented at handshake.Error.
const maxBody = 1 << 10

// req: 7230-3.3.3-04
func TestRefusalBody(t *testing.T) {
	fails := func(t *testing.T, opts *dandelion.Options, srv *wstest.Server, deadline time.Duration, serve func(c *wstest.Conn)) *handshake.Error {
		t.Helper()
		ctx, cancel := context.WithTimeout(newContext(t), deadline)
		t.Cleanup(cancel)
		start := time.Now()
		d := startDialIn(ctx, t, srv.URL(), opts)
		script := srv.Script(func(c *wstest.Conn) {
			c.ReadRequest()
			serve(c)
		})
		e := d.fails(t)
		if took := time.Since(start); took > deadline {
			t.Errorf("dial returned after %v, the deadline is %v", took, deadline)
		}
		script.Wait()
		wantStatus(t, e, 403)
		return e
	}
	t.Run("10 MiB", func(t *testing.T) {
		testkit.Bubble(t, func(t *testing.T, srv *wstest.Server, opts *dandelion.Options) {
			e := fails(t, opts, srv, time.Second, func(c *wstest.Conn) {
				c.Respond(403, "", "Content-Length: 10485760")
				flood(c, 10<<20, func(int) string { return "body" })
			})
			if want := strings.Repeat("body", maxBody/4); string(e.Body) != want {
				t.Errorf("%d bytes of the body are in the error: %.20q, want %d", len(e.Body), e.Body, maxBody)
			}
		})
	})
	t.Run("without end", func(t *testing.T) {
		testkit.Bubble(t, func(t *testing.T, srv *wstest.Server, opts *dandelion.Options) {
			e := fails(t, opts, srv, time.Second, func(c *wstest.Conn) {
				c.Respond(403, "", "Transfer-Encoding: chunked")
				flood(c, 10<<20, func(int) string { return "4\r\nbody\r\n" })
			})
			if want := strings.Repeat("body", maxBody/4); string(e.Body) != want {
				t.Errorf("%d bytes of the body are in the error: %.20q, want %d", len(e.Body), e.Body, maxBody)
			}
		})
	})
	t.Run("without end and slow", func(t *testing.T) {
		testkit.Bubble(t, func(t *testing.T, srv *wstest.Server, opts *dandelion.Options) {
			e := fails(t, opts, srv, 500*time.Millisecond, func(c *wstest.Conn) {
				c.WriteRaw([]byte("HTTP/1.1 403 Forbidden\r\n\r\n"))
				slowFlood(c, 100*time.Millisecond, "x")
			})
			if !errors.Is(e, context.DeadlineExceeded) {
				t.Errorf("error is %v, want that of the context", e)
			}
		})
	})
}

// flood writes the bytes from part until the client has closed the connection, and returns
// how many the client took, at most limit.
func flood(c *wstest.Conn, limit int, part func(i int) string) (taken int) {
	var chunk []byte
	for i := 0; taken < limit; {
		for chunk = chunk[:0]; len(chunk) < 1<<10; i++ {
			chunk = append(chunk, part(i)...)
		}
		n, err := c.Stream().Write(chunk)
		taken += n
		if err != nil {
			break
		}
	}
	return taken
}

// slowFlood writes p repeatedly, with a pause before each time, until the client has closed
// the connection.
func slowFlood(c *wstest.Conn, pause time.Duration, p string) {
	for c.Try(func(c *wstest.Conn) { c.ExpectSilence(pause); c.WriteRaw([]byte(p)) }) == nil {
	}
}

// endlessResponse dials a server that responds by flood, and fails unless the dial fails
// after reading at most the documented 64 KiB, with some allowance for bytes under way. It
// returns how much was allocated during that.
func endlessResponse(t *testing.T, head string, part func(i int) string) (allocated uint64) {
	t.Helper()
	const (
		documented = 64 << 10 // handshake.NetAdapter.MaxResponseHead
		pipe       = 4 << 10
		allowance  = pipe + 4<<10 // it reads ahead
		much       = 16 << 20
	)
	srv := wstest.NewPipe(t, wstest.WithBuffer(pipe))
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	taken := make(chan int, 1)
	d := startDial(t, srv.URL(), over(srv))
	script := srv.Script(func(c *wstest.Conn) {
		c.ReadRequest()
		c.WriteRaw([]byte(head))
		taken <- flood(c, much, part)
	})
	d.fails(t)
	script.Wait()
	runtime.ReadMemStats(&after)
	if n := <-taken + len(head); n > documented+allowance {
		t.Errorf("the client has read about %d bytes, want at most %d", n, documented)
	}
	return after.TotalAlloc - before.TotalAlloc
}

// deadlineHolds dials a server that responds by slowFlood, and fails unless the dial ends at its deadline.
func deadlineHolds(t *testing.T, head, part string) {
	t.Helper()
	testkit.Bubble(t, func(t *testing.T, srv *wstest.Server, opts *dandelion.Options) {
		const deadline = time.Second
		ctx, cancel := context.WithTimeout(context.Background(), deadline)
		defer cancel()
		start := time.Now()
		srv.Script(func(c *wstest.Conn) {
			c.ReadRequest()
			c.WriteRaw([]byte(head))
			slowFlood(c, 100*time.Millisecond, part)
		})
		e := startDialIn(ctx, t, srv.URL(), opts).fails(t)
		if took := time.Since(start); took != deadline || !errors.Is(e, context.DeadlineExceeded) {
			t.Errorf("failed after %v with %v, want the context's error after %v", took, e, deadline)
		}
	})
}

// req: 7230-3.2.5-01
func TestRefusalHugeHead(t *testing.T) {
	const begin = "HTTP/1.1 101 Switching Protocols\r\n"
	for _, test := range []struct {
		name string
		part func(i int) string
	}{
		{"a line of 1 MiB", func(i int) string {
			switch i {
			case 0:
				return "X-Test: "
			case 1 << 20:
				return "\r\n"
			}
			return "x"
		}},
		{"100000 lines", func(i int) string { return fmt.Sprintf("X-%d: a\r\n", i) }},
		{"a line without end", func(i int) string { return "x" }},
	} {
		t.Run(test.name, func(t *testing.T) {
			if n := endlessResponse(t, begin, test.part); n > 2<<20 {
				t.Errorf("%d KiB were allocated", n>>10)
			}
		})
	}
	t.Run("without end", func(t *testing.T) { deadlineHolds(t, begin, "X-Test: a\r\n") })
	t.Run("status line without end", func(t *testing.T) { deadlineHolds(t, begin[:len(begin)-2], "x") })
}

// req: 9110-15.2-02
func TestRefusalEndlessInterimResponses(t *testing.T) {
	const processing = "HTTP/1.1 102 Processing\r\n\r\n"
	t.Run("fast", func(t *testing.T) {
		endlessResponse(t, "", func(int) string { return processing })
	})
	t.Run("slow", func(t *testing.T) { deadlineHolds(t, "", processing) })
}
