package wstest_test

// This file is a client written by hand, which does what the tests of the
// engine tell it and nothing by itself.

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/dandelionws/dandelion/test/wstest"
	"github.com/dandelionws/dandelion/wire"
)

const (
	sampleKey    = "dGhlIHNhbXBsZSBub25jZQ=="
	sampleAccept = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
)

var maskKey = [4]byte{0x37, 0xFA, 0x21, 0x3D}

// request is an opening handshake with extra lines.
func request(target string, lines ...string) string {
	all := append([]string{
		"GET " + target + " HTTP/1.1",
		"Host: pipe.test",
		"Upgrade: websocket",
		"Connection: Upgrade",
		"Sec-WebSocket-Key: " + sampleKey,
		"Sec-WebSocket-Version: 13",
	}, lines...)
	return strings.Join(all, "\r\n") + "\r\n\r\n"
}

// rawClient is the client's end of a connection.
type rawClient struct {
	t testing.TB
	net.Conn
	in *bufio.Reader
}

func newRawClient(t testing.TB, conn net.Conn) *rawClient {
	t.Cleanup(func() { conn.Close() })
	return &rawClient{t: t, Conn: conn, in: bufio.NewReader(conn)}
}

// connect dials srv, with TLS if the server has it.
func connect(t testing.TB, srv *wstest.Server) *rawClient {
	t.Helper()
	conn, err := srv.DialContext(t.Context(), "tcp", srv.Addr())
	check(t, err)
	if strings.HasPrefix(srv.URL(), "wss:") {
		config := srv.ClientTLS()
		config.ServerName = hostOf(srv)
		conn = tls.Client(conn, config)
	}
	return newRawClient(t, conn)
}

func hostOf(srv *wstest.Server) string {
	if host, _, err := net.SplitHostPort(srv.Addr()); err == nil {
		return host
	}
	return srv.Addr()
}

// open dials and does the opening handshake on both sides.
func open(t testing.TB, srv *wstest.Server) (*rawClient, *wstest.Conn) {
	t.Helper()
	client := connect(t, srv)
	upgraded := make(chan struct{})
	go func() {
		defer close(upgraded)
		client.handshake("/")
	}()
	c := srv.Accept(t.Context())
	c.Upgrade()
	<-upgraded
	return client, c
}

func (c *rawClient) handshake(target string, lines ...string) *http.Response {
	c.t.Helper()
	c.write([]byte(request(target, lines...)))
	resp, err := http.ReadResponse(c.in, nil)
	if err != nil {
		c.t.Errorf("client: reading the answer: %v", err)
		return &http.Response{Header: http.Header{}}
	}
	return resp
}

func (c *rawClient) write(p []byte) {
	c.t.Helper()
	if _, err := c.Write(p); err != nil {
		c.t.Errorf("client: write: %v", err)
	}
}

func (c *rawClient) frame(fin bool, op wire.Opcode, payload string) {
	c.t.Helper()
	c.write(wire.AppendFrame(nil, fin, 0, op, maskKey, []byte(payload)))
}

// expect reads as many bytes as want has and compares.
func (c *rawClient) expect(want []byte) {
	c.t.Helper()
	got := make([]byte, len(want))
	n, err := io.ReadFull(c.in, got)
	if err != nil || !bytes.Equal(got, want) {
		c.t.Errorf("client: read % X, error %v, want % X", got[:n], err, want)
	}
}

// message reads one unmasked frame.
func (c *rawClient) message() (wire.Header, []byte) {
	c.t.Helper()
	var head []byte
	for {
		h, n, err := wire.ParseHeader(head)
		check(c.t, err)
		if n > 0 {
			payload := make([]byte, h.Length)
			_, err := io.ReadFull(c.in, payload)
			check(c.t, err)
			return h, payload
		}
		b, err := c.in.ReadByte()
		check(c.t, err)
		head = append(head, b)
	}
}

// end reads to the end and returns what came and how it ended.
func (c *rawClient) end() ([]byte, error) {
	var all []byte
	for {
		b, err := c.in.ReadByte()
		if err != nil {
			return all, err
		}
		all = append(all, b)
	}
}

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// wantError checks that err is cause and that its text has all the parts.
func wantError(t testing.TB, err, cause error, parts ...string) {
	t.Helper()
	if err == nil {
		t.Fatalf("no error, want %v", parts)
	}
	if cause != nil && !errors.Is(err, cause) {
		t.Errorf("error %q is not %v", err, cause)
	}
	for _, part := range parts {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("error lacks %q:\n%v", part, err)
		}
	}
}

var timedOut = os.ErrDeadlineExceeded

// transports are all kinds of server.
var transports = []struct {
	name string
	make func(wstest.TestingT, ...wstest.Option) *wstest.Server
}{
	{"tcp", wstest.NewServer},
	{"tls", wstest.NewTLSServer},
	{"pipe", wstest.NewPipe},
	{"pipe with tls", func(t wstest.TestingT, opts ...wstest.Option) *wstest.Server {
		return wstest.NewPipe(t, append(opts, wstest.WithTLS())...)
	}},
}

func onEachTransport(t *testing.T, f func(t *testing.T, srv *wstest.Server)) {
	for _, transport := range transports {
		t.Run(transport.name, func(t *testing.T) { f(t, transport.make(t)) })
	}
}

func contextFor(t testing.TB, d time.Duration) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), d)
	t.Cleanup(cancel)
	return ctx
}
