// Package dockertest has what the tests of the docker packages need: images made by hand, servers that answer like an
// engine, environments and folders of the docker command, and a check of errors for people.
package dockertest
