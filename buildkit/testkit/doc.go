// Package testkit is what the tests of several packages share: the tools that they need, and programs that are compiled
// once for a whole run.
package testkit
