// Package acceptance has only tests, of this module. They build real programs, from the module proxy and with C libraries, load them into
// the engine and run them as the image's user. The modules below ../testdata fix their versions.
package acceptance
