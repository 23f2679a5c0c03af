// Package access is how registries are reached, for pulls and for pushes: the transport, the logins, and the words of what
// goes wrong on the way.
//
// A login goes to its registry and to nobody else. [Client] enforces that for each request, redirects included:
//
//   - A registry is asked by https, unless it is on this machine or the user has named it as one without TLS. Whether a
//     registry on this machine speaks TLS is found out before any login is sent.
//   - Www-Authenticate counts only in answers of the registry's own scheme, host and port.
//   - Authorization goes to the registry's own scheme, host and port, and to the token server that the registry has named.
//   - The token server is asked by https, unless the registry itself is one without TLS.
package access
