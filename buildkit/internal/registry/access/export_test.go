package access

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/url"
)

// SetProxy makes a client use a proxy. The environment's proxy does not work in tests: it is read once per process, and never
// used for this machine.
func SetProxy(c *Client, proxy *url.URL) {
	c.transport.Proxy = http.ProxyURL(proxy)
	c.wire.proxy = c.transport.Proxy
}

// StayHere lets a client connect only to servers on this machine.
func StayHere(c *Client) {
	c.transport.DialContext = func(ctx context.Context, network, address string) (net.Conn, error) {
		if !Loopback(address) {
			return nil, errors.New("it is not on this machine")
		}
		return (&net.Dialer{}).DialContext(ctx, network, address)
	}
}
