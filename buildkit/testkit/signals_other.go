//go:build !unix

package testkit

// DefaultSignals does nothing: the system has no signals.
func DefaultSignals() {}
