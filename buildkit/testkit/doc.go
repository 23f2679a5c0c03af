// Package testkit is shared by the tests of several packages of this module, and is for nothing else. It checks for tools ([Need]), compiles programs once for a
// whole run ([Program]), and waits with a deadline ([WaitFor]).
package testkit
