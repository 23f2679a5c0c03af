// Package host finds a Docker Engine and dials it. [Find] takes the user's environment and docker contexts and returns
// an [Endpoint]: the engine's address, the setting that chose it, and its TLS. [Dialer] connects to it: over a socket,
// over tcp, or through the ssh command.
//
// It sends no request to an engine. If its caller's fails, [Endpoint.Unreachable] makes the error for the user.
package host
