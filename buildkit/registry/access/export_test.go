package access

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/url"
)

// SetProxy makes a client go by a proxy: the one of the environment is read once in a process, and not for this machine.
func SetProxy(c *Client, proxy *url.URL) {
	c.transport.Proxy = http.ProxyURL(proxy)
	c.wire.proxy = c.transport.Proxy
}

// StayHere lets a client connect to servers of this machine alone.
func StayHere(c *Client) {
	c.transport.DialContext = func(ctx context.Context, network, address string) (net.Conn, error) {
		if !Loopback(address) {
			return nil, errors.New("it is not on this machine")
		}
		return (&net.Dialer{}).DialContext(ctx, network, address)
	}
}
