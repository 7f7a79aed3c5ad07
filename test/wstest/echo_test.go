package wstest_test

import (
	"bytes"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/dandelionws/dandelion/test/wstest"
	"github.com/dandelionws/dandelion/wire"
)

func newEcho(t testing.TB, opts ...wstest.Option) *wstest.EchoServer {
	t.Helper()
	s, err := wstest.NewEchoServer("", opts...)
	check(t, err)
	t.Cleanup(func() { s.Close() })
	return s
}

func connectEcho(t testing.TB, s *wstest.EchoServer) *rawClient {
	t.Helper()
	conn, err := net.Dial("tcp", s.Addr())
	check(t, err)
	check(t, conn.SetDeadline(time.Now().Add(20*time.Second)))
	if config := s.ClientTLS(); config != nil {
		config.ServerName = "127.0.0.1"
		conn = tls.Client(conn, config)
	}
	return newRawClient(t, conn)
}

func openEcho(t testing.TB, s *wstest.EchoServer) *rawClient {
	t.Helper()
	c := connectEcho(t, s)
	if resp := c.handshake("/any/path"); resp.StatusCode != 101 || resp.Header.Get("Sec-WebSocket-Accept") != sampleAccept {
		t.Fatalf("answer %v", resp)
	}
	return c
}

func TestEchoServer(t *testing.T) {
	for _, test := range []struct {
		name   string
		opts   []wstest.Option
		scheme string
	}{
		{"tcp", nil, "ws"},
		{"tls", []wstest.Option{wstest.WithTLS()}, "wss"},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := newEcho(t, test.opts...)
			if s.URL() != test.scheme+"://"+s.Addr() {
				t.Errorf("URL %s", s.URL())
			}
			c := openEcho(t, s)
			c.frame(true, wire.OpText, "Hello")
			c.expect(wstest.Hex("81 05 48656C6C6F"))
			c.frame(true, wire.OpBinary, "")
			c.expect(wstest.Hex("82 00"))
			c.frame(false, wire.OpText, "a")
			c.frame(true, wire.OpPing, "p")
			c.expect(wstest.Hex("8A 01 70"))
			c.frame(true, wire.OpPong, "ignored")
			c.frame(true, wire.OpContinuation, "b")
			c.expect(wstest.Hex("81 02 61 62"))
			if n := s.Connections(); n != 1 {
				t.Errorf("%d connections", n)
			}
			c.frame(true, wire.OpClose, "\x0F\xA1bye")
			c.expect(wstest.Hex("88 02 0FA1"))
			if rest, err := c.end(); len(rest) > 0 || err != io.EOF {
				t.Errorf("end: % X, %v", rest, err)
			}
		})
	}
}

func TestEchoServerLargeAndMany(t *testing.T) {
	s := newEcho(t)
	c := openEcho(t, s)
	for _, size := range []int{125, 126, 65535, 65536, 200_000, 16 << 20} {
		want := bytes.Repeat([]byte{byte(size), 1, 2, 3, 4, 5, 6}, size/7+1)[:size]
		go c.write(wire.AppendFrame(nil, true, 0, wire.OpBinary, maskKey, want))
		if h, got := c.message(); h.Opcode != wire.OpBinary || !h.Fin || !bytes.Equal(got, want) {
			t.Fatalf("%d bytes came back as %v", size, h)
		}
	}
	var out []byte
	const n = 10_000
	for i := range n {
		out = wire.AppendFrame(out, true, 0, wire.OpText, maskKey, fmt.Append(nil, i))
	}
	go c.write(out)
	for i := range n {
		if _, got := c.message(); string(got) != fmt.Sprint(i) {
			t.Fatalf("message %d came back as %q", i, got)
		}
	}
}

func TestEchoServerRefusesWhatBreaksTheProtocol(t *testing.T) {
	s := newEcho(t)
	for _, test := range []struct {
		name, hex string
		want      string
	}{
		{"not masked", "81 01 61", "88 02 03EA"},
		{"bad UTF-8", "81 81 00000000 FF", "88 02 03EF"},
		{"too big", "82 FF 0000000004000001 00000000", "88 02 03F1"},
		{"message and violation", "81 81 00000000 61, 83 80 00000000, 81 81 00000000 62", "81 01 61, 88 02 03EA"},
	} {
		t.Run(test.name, func(t *testing.T) {
			c := openEcho(t, s)
			c.write(wstest.Hex(test.hex))
			c.expect(wstest.Hex(test.want))
			if rest, err := c.end(); len(rest) > 0 || err != io.EOF {
				t.Errorf("end: % X, %v", rest, err)
			}
		})
	}
}

func TestEchoServerHandshake(t *testing.T) {
	s := newEcho(t)
	c := connectEcho(t, s)
	if got := c.handshake("/", "Sec-WebSocket-Protocol: other").Header.Values("Sec-WebSocket-Protocol"); len(got) > 0 {
		t.Errorf("subprotocol %q", got)
	}
	right := request("/")
	for _, test := range []struct {
		name, request string
		want          int
	}{
		{"version 8", strings.Replace(right, "13", "8", 1), http.StatusUpgradeRequired},
		{"no upgrade", strings.Replace(right, "Upgrade: websocket\r\n", "", 1), http.StatusUpgradeRequired},
		{"no key", strings.Replace(right, sampleKey, "", 1), http.StatusBadRequest},
		{"short key", strings.Replace(right, sampleKey, "AAAA", 1), http.StatusBadRequest},
		{"POST", strings.Replace(right, "GET", "POST", 1), http.StatusMethodNotAllowed},
	} {
		t.Run(test.name, func(t *testing.T) {
			c := connectEcho(t, s)
			c.Write([]byte(test.request))
			resp, err := http.ReadResponse(c.in, nil)
			check(t, err)
			if resp.StatusCode != test.want {
				t.Errorf("status %s, want %d", resp.Status, test.want)
			}
		})
	}
	// A frame in the same segment as the request is not lost.
	c = connectEcho(t, s)
	c.write(append([]byte(right), wstest.Hex("81 81 00000000 61")...))
	_, err := http.ReadResponse(c.in, nil)
	check(t, err)
	c.expect(wstest.Hex("81 01 61"))
}

func TestEchoServerLifecycle(t *testing.T) {
	s := newEcho(t)
	addr := s.Addr()
	c := openEcho(t, s)
	s.KillConnections()
	if _, err := c.end(); err != io.EOF {
		t.Errorf("after KillConnections: %v", err)
	}

	c = openEcho(t, s)
	check(t, s.CloseConnections(wire.StatusServiceRestart, "moving"))
	c.expect(append(wstest.Hex("88 08 03F4"), "moving"...))
	c.frame(true, wire.OpText, "too late")
	c.frame(true, wire.OpClose, "\x03\xF4")
	if rest, err := c.end(); len(rest) > 0 || err != io.EOF {
		t.Errorf("after CloseConnections: % X, %v", rest, err)
	}
	wantError(t, s.CloseConnections(1006, ""), wire.ErrInvalidCloseCode)

	c = openEcho(t, s)
	check(t, s.Restart())
	if _, err := c.end(); err != io.EOF {
		t.Errorf("after Restart: %v", err)
	}
	if s.Addr() != addr {
		t.Errorf("address was %s, is %s", addr, s.Addr())
	}
	openEcho(t, s)
	check(t, s.Close())
	check(t, s.Close())
	if n := s.Connections(); n != 0 {
		t.Errorf("%d connections after Close", n)
	}
	if _, err := net.Dial("tcp", addr); !errors.Is(err, syscall.ECONNREFUSED) {
		t.Errorf("dial after Close: %v", err)
	}
	check(t, s.Restart())
	openEcho(t, s)

	if _, err := wstest.NewEchoServer(addr); err == nil {
		t.Error("two servers at one address")
	}
}

func BenchmarkEchoServer16MiB(b *testing.B) {
	s := newEcho(b)
	c := openEcho(b, s)
	check(b, c.SetDeadline(time.Time{}))
	frame := wire.AppendFrame(nil, true, 0, wire.OpBinary, maskKey, make([]byte, 16<<20))
	b.SetBytes(16 << 20)
	got := make([]byte, 10+16<<20)
	for b.Loop() {
		go c.Write(frame)
		_, err := io.ReadFull(c.in, got)
		check(b, err)
	}
}
