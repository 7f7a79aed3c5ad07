package handshake

// This file takes the proxy from the environment.

import (
	"cmp"
	"errors"
	"net/url"
	"os"
	"strings"

	"golang.org/x/net/http/httpproxy"
)

// ProxyFromEnvironment selects a proxy from the environment. It is a value for
// NetAdapter.Proxy. For ws and wss alike it takes the first of
//
//  1. ALL_PROXY if that is a SOCKS5 proxy,
//  2. HTTPS_PROXY,
//  3. HTTP_PROXY (not in a CGI program, where a client can set it),
//  4. ALL_PROXY,
//
// which is the order of RFC 6455 §4.1. The lower-case form of a name wins over
// the upper-case one. A value without a scheme is an http proxy. Hosts in
// NO_PROXY, localhost and loopback addresses are connected to directly. A value
// that is not a URL is an error.
func ProxyFromEnvironment(u *url.URL) (*url.URL, error) {
	config := httpproxy.FromEnvironment()
	if config.CGI {
		config.HTTPProxy = ""
	}
	all := cmp.Or(os.Getenv("all_proxy"), os.Getenv("ALL_PROXY"))
	socks := ""
	if strings.HasPrefix(strings.ToLower(all), "socks5") {
		socks = all
	}
	chosen := cmp.Or(socks, config.HTTPSProxy, config.HTTPProxy, all)
	if chosen == "" {
		return nil, nil
	}
	if !strings.Contains(chosen, "://") {
		chosen = "http://" + chosen
	}
	// httpproxy would ignore a wrong value and so connect directly.
	if p, err := url.Parse(chosen); err != nil || p.Host == "" {
		return nil, errors.New("the proxy in the environment is not a valid URL")
	}
	config.HTTPSProxy = chosen
	as := &url.URL{Scheme: "https", Host: address(u)} // httpproxy knows no wss
	return config.ProxyFunc()(as)
}
