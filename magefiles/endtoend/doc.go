// Package endtoend has the tests that run targets as a user does: with mage, in copies of the examples, against the Docker
// Engine. The magefiles get package targets from this repository, and so does the worker.
package endtoend
