// Package shared is what the services have in common.
package shared

// Greeting returns what a service says.
func Greeting(name string) string { return "this is " + name }
