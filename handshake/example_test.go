package handshake_test

// This file is the examples of the package.

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"time"

	"github.com/dandelionws/dandelion/handshake"
)

// server upgrades every request for /chat and refuses all others.
func server() *httptest.Server {
	return httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/chat" {
			http.NotFound(w, r)
			return
		}
		conn, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			return
		}
		defer conn.Close()
		fmt.Fprintf(conn, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"+
			"Sec-WebSocket-Accept: %s\r\nSec-WebSocket-Protocol: chat\r\n\r\n\x81\x02hi", handshake.AcceptKey(r.Header.Get("Sec-WebSocket-Key")))
	}))
}

func ExampleClient() {
	s := server()
	defer s.Close()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()

	var client handshake.Client
	result, err := client.Handshake(ctx, &handshake.Request{
		URL:          "ws" + strings.TrimPrefix(s.URL, "http") + "/chat",
		Subprotocols: []string{"superchat", "chat"},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer result.Stream.Close()
	rest, _ := io.ReadAll(result.Stream)
	frames := append(result.Buffered, rest...)
	fmt.Printf("subprotocol %s, first frame %q\n", result.Subprotocol, frames)
	// Output: subprotocol chat, first frame "\x81\x02hi"
}

func ExampleError() {
	s := server()
	defer s.Close()

	var client handshake.Client
	_, err := client.Handshake(context.Background(), &handshake.Request{URL: "ws" + strings.TrimPrefix(s.URL, "http") + "/nowhere"})
	if e, ok := errors.AsType[*handshake.Error](err); ok {
		fmt.Println("stage:", e.Stage)
		fmt.Println("status:", e.Status)
		fmt.Println("body:", strings.TrimSpace(string(e.Body)))
	}
	// Output:
	// stage: HTTP
	// status: 404
	// body: 404 page not found
}

// Connect through the proxy in the environment, and wait longer for the response.
func ExampleNetAdapter() {
	client := handshake.Client{Adapter: &handshake.NetAdapter{
		Proxy:           handshake.ProxyFromEnvironment,
		ResponseTimeout: 30 * time.Second,
	}}
	result, err := client.Handshake(context.Background(), &handshake.Request{URL: "wss://chat.example/socket"})
	if err != nil {
		return
	}
	defer result.Stream.Close()
}

// Use the connections, proxies and middleware of an http.Client.
func ExampleRoundTripAdapter() {
	client := handshake.Client{Adapter: &handshake.RoundTripAdapter{Client: http.DefaultClient}}
	result, err := client.Handshake(context.Background(), &handshake.Request{URL: "wss://chat.example/socket"})
	if err != nil {
		return
	}
	defer result.Stream.Close()
}
