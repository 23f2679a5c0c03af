package access

import (
	"net/http"
	"net/url"
)

// SetProxy makes a client go by a proxy: the one of the environment is read once in a process, and not for this machine.
func SetProxy(c *Client, proxy *url.URL) {
	c.transport.Proxy = http.ProxyURL(proxy)
	c.wire.proxy = c.transport.Proxy
}
