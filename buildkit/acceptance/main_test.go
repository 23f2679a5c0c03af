package acceptance

import (
	"os"
	"testing"

	"github.com/fromscratch-go/fromscratch/buildkit/testkit"
)

func TestMain(m *testing.M) { os.Exit(testkit.Main(m)) }
