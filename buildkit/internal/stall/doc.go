// Package stall ends HTTP requests on which no byte moves for too long. [Transport] wraps a RoundTripper. A transfer may
// take any time as long as bytes move. A request that stalls fails with an [*Error].
package stall
