package linked

import (
	"runtime/debug"
	"testing"
)

// Toolchains for FIPS 140 leave a setting in the build information.
func TestSystemCrypto(t *testing.T) {
	t.Parallel()
	tests := map[debug.BuildSetting]string{
		{Key: "GOEXPERIMENT", Value: "systemcrypto"}:            "it was built with GOEXPERIMENT=systemcrypto",
		{Key: "GOEXPERIMENT", Value: "jsonv2,opensslcrypto"}:    "it was built with GOEXPERIMENT=opensslcrypto",
		{Key: "microsoft_systemcrypto", Value: "1"}:             "it was built with microsoft_systemcrypto=1",
		{Key: "GOEXPERIMENT", Value: "nosystemcrypto"}:          "",
		{Key: "GOEXPERIMENT", Value: "boringcrypto"}:            "",
		{Key: "DefaultGODEBUG", Value: "systemcrypto,fips=140"}: "",
	}
	for setting, want := range tests {
		p := &Program{build: &debug.BuildInfo{Settings: []debug.BuildSetting{setting}}}
		got := ""
		for _, n := range p.Needs() {
			got += n.Why
		}
		if got != want {
			t.Errorf("%v: %q, want %q", setting, got, want)
		}
	}
}
