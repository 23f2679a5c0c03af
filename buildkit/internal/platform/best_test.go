package platform

import (
	"strings"
	"testing"
)

func TestBest(t *testing.T) {
	t.Parallel()
	parse := func(s string) Platform {
		p, err := Parse(s)
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	for _, tt := range []struct{ machine, list, want string }{
		{"linux/amd64", "linux/arm64 linux/amd64", "linux/amd64"},
		{"linux/arm/v7", "linux/arm/v6 linux/arm/v7", "linux/arm/v7"},
		{"linux/arm/v7", "linux/arm/v6 linux/arm", "linux/arm"},
		{"linux/amd64", "linux/arm64 linux/amd64/v3", "linux/amd64/v3"},
		{"linux/s390x", "linux/arm64 linux/amd64", ""},
		// The machine does not say which variant of amd64 or arm64 it has: the lowest one is taken.
		{"linux/amd64", "linux/amd64/v3 linux/amd64/v1", "linux/amd64/v1"},
		{"linux/amd64", "linux/amd64/v3 linux/amd64", "linux/amd64"},
		{"linux/amd64", "linux/amd64/v4 linux/amd64/v2", "linux/amd64/v2"},
		{"linux/amd64/v3", "linux/amd64 linux/amd64/v2 linux/amd64/v4", "linux/amd64/v2"},
		{"linux/amd64/v2", "linux/amd64/v3", ""},
		{"linux/arm64", "linux/arm64/v9.0 linux/arm64/v8.2 linux/arm64", "linux/arm64"},
		{"linux/arm64/v8", "linux/arm64/v9.0 linux/arm64/v8.2", "linux/arm64/v8.2"},
		// It does for arm.
		{"linux/arm/v6", "linux/arm/v7", ""},
		{"linux/arm/v6", "linux/arm", ""},
		{"linux/arm/v6", "linux/arm/v7 linux/arm/v5", "linux/arm/v5"},
		{"linux/arm/v7", "linux/arm/v5 linux/arm/v6", "linux/arm/v6"},
		{"linux/riscv64", "linux/riscv64/rva22u64 linux/riscv64", "linux/riscv64"},
	} {
		var list []Platform
		for _, s := range strings.Fields(tt.list) {
			list = append(list, parse(s))
		}
		got, ok := Best(parse(tt.machine), list)
		if ok != (tt.want != "") || ok && got != parse(tt.want) {
			t.Errorf("%s of %s: got %v, want %s", tt.machine, tt.list, got, tt.want)
		}
	}
}

func TestParse(t *testing.T) {
	t.Parallel()
	for _, row := range []struct{ text, want, err string }{
		{"linux/arm/v7", "linux/arm/v7", ""},
		{"linux/amd64/v1", "linux/amd64/v1", ""},
		{"windows/amd64", "/", "platform \"windows/amd64\" is not linux/ARCH or linux/ARCH/VARIANT\nfix: use linux/amd64, linux/arm64, linux/arm/v7"},
	} {
		p, err := Parse(row.text)
		if p.String() != row.want || (err != nil) != (row.err != "") || err != nil && !strings.HasPrefix(err.Error(), row.err) {
			t.Errorf("%s: got %v (%v), want %s %s", row.text, p, err, row.want, row.err)
		}
	}
}
