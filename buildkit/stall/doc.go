// Package stall ends HTTP requests on which nothing moves any more: [Transport] is a RoundTripper before another one. A
// transfer may take as long as it likes, as long as bytes go.
package stall
