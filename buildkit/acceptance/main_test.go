package acceptance

import (
	"os"
	"testing"

	"github.com/fromscratch-go/fromscratch/buildkit/testkit"
)

func TestMain(m *testing.M) {
	testkit.DefaultSignals()
	code := m.Run()
	testkit.Clean()
	os.Exit(code)
}
