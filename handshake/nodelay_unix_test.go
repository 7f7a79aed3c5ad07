//go:build unix

package handshake

// This file tests that TCP_NODELAY is set.

import (
	"context"
	"net"
	"syscall"
	"testing"
)

// TCP_NODELAY is on unless switched off, also on connections from DialContext.
func TestNoDelay(t *testing.T) {
	checkLeaks(t)
	s := serve(t, upgrade)
	for _, disable := range []bool{false, true} {
		for _, dial := range []func(context.Context, string, string) (net.Conn, error){nil, (&net.Dialer{}).DialContext} {
			r := open(t, &Client{Adapter: &NetAdapter{DisableNoDelay: disable, DialContext: dial}}, &Request{URL: "ws://" + s.host()})
			raw, err := r.Stream.(*net.TCPConn).SyscallConn()
			if err != nil {
				t.Fatal(err)
			}
			var value int
			raw.Control(func(fd uintptr) {
				value, err = syscall.GetsockoptInt(int(fd), syscall.IPPROTO_TCP, syscall.TCP_NODELAY)
			})
			if err != nil || (value == 0) != disable {
				t.Errorf("TCP_NODELAY is %d, %v with DisableNoDelay %v", value, err, disable)
			}
		}
	}
}
