package testkit

// HeavyPattern matches the names of heavy tests, for -run and -skip of go test. Heavy tests take minutes and rarely find
// what others do not. "go tool mage test" skips them and "go tool mage testHeavy" runs only them; CI runs both.
const HeavyPattern = "^TestHeavy"
