package testkit

// HeavyPattern fits the names of heavy tests, for -run and -skip of go test: tests that take minutes and seldom find
// what others do not. "go tool mage test" leaves them out and "go tool mage testHeavy" runs them alone; CI runs both.
const HeavyPattern = "^TestHeavy"
