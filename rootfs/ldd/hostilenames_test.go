package ldd

import (
	"fmt"
	"strings"
	"testing"
)

// The texts of a Go program that look like names of libraries have thousands of parts that could be names, too. The loader
// is asked for a bounded number of them.
func TestHostileGoNames(t *testing.T) {
	for name, word := range map[string]func(i int) string{
		"many versions":   func(i int) string { return fmt.Sprintf(" lib%d.so%s", i, strings.Repeat(".1", 120)) },
		"many beginnings": func(i int) string { return fmt.Sprintf(" %slib%d.so", strings.Repeat("lib", 80), i) },
		"many folders":    func(i int) string { return fmt.Sprintf(" %slib%d.so", strings.Repeat("/", 240), i) },
		"beginnings with versions": func(i int) string {
			return fmt.Sprintf(" %s%d.so%s", strings.Repeat("lib", 40), i, strings.Repeat(".1", 60))
		},
		"folders with versions": func(i int) string {
			return fmt.Sprintf(" %slib%d.so%s", strings.Repeat("/.", 60), i, strings.Repeat(".1", 60))
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var texts strings.Builder
			texts.Write(goMagic)
			for i := range 2 * maxNames {
				texts.WriteString(word(i))
			}
			sys := sysroot(fakeELF{Needed: []string{"libc.so.6"}}, nil)
			sys["bin/prog"] = string(withConstants([]byte(sys["bin/prog"]), texts.String(), "/lib/x86_64-linux-gnu/libc.so.6"))
			c, err := resolveIn(sys)
			if err != nil {
				t.Fatal(err)
			}
			asked := 0
			c.find = func(string, *Object) (path, real string) {
				asked++
				return "", ""
			}
			if _, err := c.goNames(c.Program()); err != nil {
				t.Fatal(err)
			}
			if asked > 1<<16 {
				t.Errorf("the loader was asked for %d names", asked)
			}
		})
	}
}
