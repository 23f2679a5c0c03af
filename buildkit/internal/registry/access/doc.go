// Package access connects to registries, for pulls and for pushes. It has the transport, the logins, and the texts of
// errors.
//
// A login goes only to its registry. [Client] enforces that for each request, redirects included:
//
//   - A registry is asked by https, unless it is on this machine or the user has named it as one without TLS. Before any
//     login is sent, a registry on this machine is asked whether it speaks TLS.
//   - Www-Authenticate counts only in answers from the registry's own scheme, host and port.
//   - Authorization goes only to the registry's own scheme, host and port, and to the token server that the registry names.
//   - The token server is asked by https, unless the registry itself is one without TLS.
package access
